"""The records of ``audio.chunks``: a piece of a stream's sound, as a CloudEvent in Kafka's binary mode.

    message = encode(Chunk(stream="mic-7", session="5f0c", seq=0, sample=0, samples=..., ...), "FLAC", "/mic-7")
    producer.send(topic, key=message.key, value=message.value, headers=message.headers, ...)
    chunk = decode(record.key, record.value, record.headers, record.timestamp)      # ChunkError: a dead letter

The sound itself, and the header ``content-type`` that says what it is, are in ``payload.py``. Whatever a record holds,
``decode`` returns a chunk or raises :class:`ChunkError`; whether its numbers fit its stream is not judged here.
"""

from __future__ import annotations

import dataclasses
import re
import string
import urllib.parse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.common.text import utf8
from stream.kafka.wire.payload import ChunkError, Encoding, decode_payload, encode_payload

__all__ = ["EVENT_TYPE", "Chunk", "ChunkError", "Encoding", "Message", "decode", "encode"]

EVENT_TYPE = "mood.audio.chunk.v1"
MAX_NUMBER = 2**62
"""Of ``x-seq`` and ``x-sample``."""

_REQUIRED = ("content-type", "ce_specversion", "ce_type", "ce_source", "ce_id", "x-session", "x-seq", "x-sample")
_OPTIONAL = ("x-track", "x-flags")
_KNOWN = frozenset(_REQUIRED + _OPTIONAL)
_FLAGS = ("start", "end", "discontinuity")

_MAX_KEY_BYTES = 1024
_MAX_HEADER_BYTES = 8192
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999, the last that dates go to

_DECIMAL = re.compile(r"[0-9]{1,19}", re.ASCII)  # int() takes much else: signs, blanks, underscores, other digits
_VERSION = re.compile(r"1\.[0-9]+", re.ASCII)
_PRINTABLE = re.compile(rb"[ -~]*")

_PLAIN = "".join(set(string.punctuation) - set('%"'))
"""What stays as it is in a title, beside letters and digits: CloudEvents' HTTP binding, 3.1.3.2."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A piece of a stream's sound.

    Attributes:
        stream: whose sound it is; the record's key.
        session: one run of its publisher.
        seq: number of the chunk in the session, from 0.
        sample: index of the first sample in the session, at ``samplerate``.
        samples: (n, channels), full scale at 1; n is 0 only with ``end``.
        samplerate: in Hz.
        track: title, if there is one.
        start: the track begins with this chunk.
        end: and ends with this one.
        discontinuity: sound is missing before it.
        captured_at: when the last sample was captured, in seconds since 1970; None where nobody knows.
    """

    stream: str
    session: str
    seq: int
    sample: int
    samples: NDArray[np.float32]
    samplerate: int
    track: str | None
    start: bool
    end: bool
    discontinuity: bool
    captured_at: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A record to send: what a producer's ``send`` takes. Without a timestamp it is the time of sending."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


def decode(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]], timestamp_ms: int
) -> Chunk:
    """Return the chunk that a record holds.

    Headers that are not ours are passed over; one of ours must not be there twice.

    Args:
        key: the record's.
        value: the record's.
        headers: the record's, in their order.
        timestamp_ms: the record's; -1, or what is no date up to the year 9999, counts as none.

    Raises:
        ChunkError: the record is none.
    """
    stream = _stream(key)
    texts = _texts(headers)
    if not _VERSION.fullmatch(texts["ce_specversion"]):
        raise _bad("ce_specversion", texts, "CloudEvents 1.x")
    if texts["ce_type"] != EVENT_TYPE:
        raise _bad("ce_type", texts, EVENT_TYPE)
    flags = _flags(texts)
    seq, sample, track = _number("x-seq", texts), _number("x-sample", texts), _track(texts)
    if value is None:
        raise ChunkError("no_value", "the record has no value", "VALUE_CONVERTER")
    sound = decode_payload(value, texts["content-type"])
    if not len(sound.samples) and "end" not in flags:
        raise ChunkError("wrong_length", "there is no sound in it, and it does not end a track", "VALUE_CONVERTER")
    return Chunk(
        stream=stream,
        session=texts["x-session"],
        seq=seq,
        sample=sample,
        samples=sound.samples,
        samplerate=sound.samplerate,
        track=track,
        start="start" in flags,
        end="end" in flags,
        discontinuity="discontinuity" in flags,
        captured_at=timestamp_ms / 1000 if 0 <= timestamp_ms <= _LAST_MILLISECOND else None,
    )


def encode(chunk: Chunk, encoding: Encoding, source: str) -> Message:
    """Return the record for a chunk, which :func:`decode` turns into the same chunk (16-bit sound is rounded).

    Args:
        chunk: what to send.
        encoding: of the sound.
        source: who sends it, a URI reference (CloudEvents' ``source``).

    Raises:
        ChunkError: no reader would take the record: too long, no sound without an end, a rate or a channel count out
            of range, more channels than FLAC has.
    """
    value, content_type = encode_payload(chunk.samples, chunk.samplerate, encoding)
    if not len(chunk.samples) and not chunk.end:
        raise ChunkError("wrong_length", "there is no sound in it, and it does not end a track", "VALUE_CONVERTER")
    flags = ",".join(flag for flag in _FLAGS if getattr(chunk, flag))
    texts = {
        "content-type": content_type,
        "ce_specversion": "1.0",
        "ce_type": EVENT_TYPE,
        "ce_source": _quoted(source),
        "ce_id": f"{chunk.session}.{chunk.seq}",
        "x-session": chunk.session,
        "x-seq": str(chunk.seq),
        "x-sample": str(chunk.sample),
        "x-track": _quoted(chunk.track or ""),
        "x-flags": flags,
    }
    headers = [(name, text.encode("ascii")) for name, text in texts.items() if text or name not in _OPTIONAL]
    moment = None if chunk.captured_at is None else round(1000 * chunk.captured_at)
    return Message(utf8(chunk.stream).encode(), value, headers, moment)


def _stream(key: bytes | None) -> str:
    if not key:
        raise ChunkError("no_key", "the record has no key: nobody knows whose sound it is", "KEY_CONVERTER")
    if len(key) > _MAX_KEY_BYTES:
        raise ChunkError("bad_key", f"the key has {len(key)} bytes, more than {_MAX_KEY_BYTES}", "KEY_CONVERTER")
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise ChunkError("bad_key", "the key is not UTF-8", "KEY_CONVERTER") from error


def _texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Return our headers; those that may be missing are empty then."""
    texts: dict[str, str] = {}
    for name, value in headers:
        if name not in _KNOWN:
            continue
        if name in texts:
            raise ChunkError("bad_header", f"the header {name} is there twice", "HEADER_CONVERTER")
        if len(value or b"") > _MAX_HEADER_BYTES:
            raise ChunkError(
                "bad_header", f"the header {name} has more than {_MAX_HEADER_BYTES} bytes", "HEADER_CONVERTER"
            )
        if not _PRINTABLE.fullmatch(value or b""):
            raise ChunkError("bad_header", f"the header {name} is not printable ASCII", "HEADER_CONVERTER")
        texts[name] = (value or b"").decode("ascii")
    for name in _REQUIRED:
        if not texts.get(name):
            raise ChunkError("missing_header", f"the header {name} is missing or empty", "HEADER_CONVERTER")
    return dict.fromkeys(_OPTIONAL, "") | texts


def _number(name: str, texts: dict[str, str]) -> int:
    if not _DECIMAL.fullmatch(texts[name]) or (number := int(texts[name])) > MAX_NUMBER:
        raise _bad(name, texts, "a decimal number up to 2^62")
    return number


def _flags(texts: dict[str, str]) -> list[str]:
    flags = [flag.strip() for flag in texts["x-flags"].split(",")] if texts["x-flags"].strip() else []
    if not set(flags).issubset(_FLAGS):
        raise _bad("x-flags", texts, f"any of {', '.join(_FLAGS)}, separated by commas")
    return flags


def _track(texts: dict[str, str]) -> str | None:
    try:
        return urllib.parse.unquote(texts["x-track"], errors="strict") or None
    except UnicodeDecodeError as error:
        raise _bad("x-track", texts, "UTF-8 with percent signs for what is not printable ASCII") from error


def _bad(name: str, texts: dict[str, str], wanted: str) -> ChunkError:
    text = texts[name]
    shown = text if len(text) <= 40 else text[:39] + "…"
    return ChunkError("bad_header", f"the header {name} is {shown!r}, not {wanted}", "HEADER_CONVERTER")


def _quoted(text: str) -> str:
    return urllib.parse.quote(utf8(text), safe=_PLAIN)
