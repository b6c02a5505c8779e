"""Sound as bytes, by the media type in ``content-type``: raw PCM or FLAC.

    sound = decode_payload(value, "audio/x-raw; format=S16LE; rate=44100; channels=2")
    sound.samples, sound.samplerate                 # (n, 2) float32, 44100
    value, content_type = encode_payload(samples, 44100, "FLAC")

``audio/L16`` is big-endian (RFC 2586), ``audio/x-raw`` has GStreamer's format names, ``audio/flac`` is a whole FLAC
stream a chunk. FLAC goes through PyAV, which the project has anyway: libsndfile gives the same samples at 16 and at 24
bits, in a third of the time, but 1 ms a second of sound is not worth another dependency. A frame whose checksum is
wrong, or fewer samples than the stream's head says, is no sound.
"""

from __future__ import annotations

import dataclasses
import io
from email.message import Message as MimeMessage
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Stage = Literal["KEY_CONVERTER", "HEADER_CONVERTER", "VALUE_CONVERTER", "TASK_PUT"]
"""Where a record failed, in the words of Kafka Connect: its key, its headers, its value, or what we did with it."""


class ChunkError(Exception):
    """A record that becomes a dead letter; the message is one line.

    Attributes:
        reason: what is wrong, as a metric's label: ``missing_header``.
        stage: where it showed.
        name_on_topics: its name in the headers of dead letters, which stays wherever the class stands.
    """

    name_on_topics = "stream.kafka.chunk_error.ChunkError"

    def __init__(self, reason: str, message: str, stage: Stage) -> None:
        super().__init__(message)
        self.reason = reason
        self.stage: Stage = stage


Encoding = Literal["L16", "S16LE", "F32LE", "FLAC"]

MAX_SECONDS = 10
MAX_BYTES = 16 * 2**20
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_CHANNELS = 64
FLAC_CHANNELS = 8
"""FLAC has no more."""

_FORMATS = {
    "S8": "i1",
    "U8": "u1",
    "S16LE": "<i2",
    "S16BE": ">i2",
    "S24LE": "<i3",  # numpy has no such type: see _pcm
    "S24BE": ">i3",
    "S32LE": "<i4",
    "S32BE": ">i4",
    "F32LE": "<f4",
    "F32BE": ">f4",
    "F64LE": "<f8",
    "F64BE": ">f8",
}
"""GStreamer's names; all of them packed."""

_NAMED = {"audio/l16": ">i2", "audio/l24": ">i3"}
"""Media types that are a format (RFC 2586, RFC 3190)."""

_FLAC = ("audio/flac", "audio/x-flac")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples (n, channels), full scale at 1, and their rate in Hz."""

    samples: NDArray[np.float32]
    samplerate: int


def decode_payload(value: bytes, content_type: str) -> Sound:
    """Return the sound that the bytes hold; there may be no samples.

    Floating-point samples pass as they are, NaN and infinities too.

    Args:
        value: the bytes.
        content_type: a media type with its parameters. FLAC says its rate and channels itself, except where there
            are no bytes: then ``rate`` (and ``channels``, 1 unless given) must be here.

    Raises:
        ChunkError: the bytes are no such sound, or the media type is none that is known.
    """
    if len(value) > MAX_BYTES:
        raise ChunkError("oversized", f"the value has {len(value)} bytes, more than {MAX_BYTES}", "VALUE_CONVERTER")
    media_type, parameters = _parse(content_type)
    if media_type in _FLAC and value:
        return _flac(value)
    if media_type in _FLAC:
        kind = "i1"
    elif media_type in _NAMED:
        kind = _NAMED[media_type]
    elif media_type == "audio/x-raw":
        kind = _FORMATS.get(parameters.get("format", "").upper(), "")
        if not kind or parameters.get("layout", "interleaved").lower() != "interleaved":
            raise _content_type(content_type, f"a known format ({', '.join(_FORMATS)}), interleaved")
    else:
        raise _content_type(content_type, "audio/L16, audio/x-raw or audio/flac")
    rate, channels = _integer(parameters, "rate", content_type), _integer(parameters, "channels", content_type)
    check_form(rate, channels, "HEADER_CONVERTER")
    return Sound(_pcm(value, kind, rate, channels), rate)


def encode_payload(samples: NDArray[np.float32], samplerate: int, encoding: Encoding) -> tuple[bytes, str]:
    """Return the samples as bytes, and their content type.

    Args:
        samples: (n, channels); to 16 bits they are rounded and clipped, and what is not a number becomes 0.
        samplerate: in Hz.
        encoding: PCM or FLAC (16 bits).

    Raises:
        ChunkError: too many samples, or a rate or a channel count that is not allowed.
    """
    count, channels = samples.shape
    check_form(samplerate, channels, "VALUE_CONVERTER")
    _check_length(count, samplerate)
    form = f"rate={samplerate}; channels={channels}"
    if encoding == "F32LE":
        value, content_type = samples.astype("<f4").tobytes(), f"audio/x-raw; format=F32LE; {form}"
    elif encoding == "S16LE":
        value, content_type = to_int16(samples).astype("<i2").tobytes(), f"audio/x-raw; format=S16LE; {form}"
    elif encoding == "L16":
        value, content_type = to_int16(samples).astype(">i2").tobytes(), f"audio/L16; {form}"
    else:
        if channels > FLAC_CHANNELS:
            most = f"FLAC has {FLAC_CHANNELS} channels at most, not {channels}: send PCM (--encoding s16le)"
            raise ChunkError("channels", most, "VALUE_CONVERTER")
        value, content_type = _to_flac(to_int16(samples), samplerate) if count else b"", f"audio/flac; {form}"
    if len(value) > MAX_BYTES:
        raise ChunkError("oversized", f"the chunk has {len(value)} bytes, more than {MAX_BYTES}", "VALUE_CONVERTER")
    return value, content_type


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return samples as 16-bit integers: rounded, clipped, 0 for what is not a number."""
    scaled = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0) * 32768.0
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)


def check_form(samplerate: int, channels: int, stage: Literal["HEADER_CONVERTER", "VALUE_CONVERTER"]) -> None:
    """Check that a rate (in Hz) and a channel count are allowed.

    Raises:
        ChunkError: one of them is not.
    """
    if not MIN_RATE <= samplerate <= MAX_RATE:
        raise ChunkError("samplerate", f"the rate is {samplerate} Hz, not {MIN_RATE} to {MAX_RATE}", stage)
    if not 1 <= channels <= MAX_CHANNELS:
        raise ChunkError("channels", f"there are {channels} channels, not 1 to {MAX_CHANNELS}", stage)


def _parse(content_type: str) -> tuple[str, dict[str, str]]:
    message = MimeMessage()
    message["content-type"] = content_type
    try:
        pairs = message.get_params(failobj=[])
    except (ValueError, TypeError, IndexError) as error:  # RFC 2231's numbered parts, gone wild
        raise _content_type(content_type, "a media type with parameters") from error
    if not pairs:
        raise _content_type(content_type, "a media type with parameters")
    parameters: dict[str, str] = {}
    for name, text in pairs[1:]:
        if not isinstance(text, str) or name.lower() in parameters:
            raise _content_type(content_type, "a media type with each parameter once")
        parameters[name.lower()] = text
    return pairs[0][0].lower(), parameters


def _integer(parameters: dict[str, str], name: Literal["rate", "channels"], content_type: str) -> int:
    text = parameters.get(name, "1" if name == "channels" else "")
    if not text:
        raise _content_type(content_type, "one that says its rate")
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise ChunkError(
            "samplerate" if name == "rate" else "channels",
            f"{name} is {_short(text)}, not a number",
            "HEADER_CONVERTER",
        )
    return int(text)


def _pcm(value: bytes, kind: str, samplerate: int, channels: int) -> NDArray[np.float32]:
    width = int(kind[-1])
    frame = width * channels
    if len(value) % frame:
        raise ChunkError(
            "wrong_length",
            f"{len(value)} bytes are no whole number of samples of {frame} bytes",
            "VALUE_CONVERTER",
        )
    _check_length(len(value) // frame, samplerate)
    if width == 3:  # into the upper bytes of 32 bits
        wide = np.zeros((len(value) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(value, np.uint8).reshape(-1, 3)[:, :: 1 if kind[0] == "<" else -1]
        numbers = wide.reshape(-1).view("<i4")
    else:
        numbers = np.frombuffer(value, kind)
    return _full_scale(numbers).reshape(-1, channels)


def _full_scale(numbers: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return integers or floats of any width as floats with full scale at 1."""
    with np.errstate(all="ignore"):  # a float64 beyond float32 is infinite, and the session counts it as lost
        if numbers.dtype.kind == "f":
            return numbers.astype(np.float32)
        if numbers.dtype.kind == "u":
            return (numbers.astype(np.float32) - 128.0) / np.float32(128.0)
        return numbers.astype(np.float32) / np.float32(2.0 ** (8 * numbers.dtype.itemsize - 1))


def _check_length(count: int, samplerate: int) -> None:
    if count > MAX_SECONDS * samplerate:
        raise ChunkError(
            "oversized",
            f"the chunk lasts {count / samplerate:.1f} s, more than {MAX_SECONDS} s",
            "VALUE_CONVERTER",
        )


def _flac(value: bytes) -> Sound:
    import av  # noqa: PLC0415 - only where FLAC is sent: it takes 0.1 s

    if not value.startswith(b"fLaC"):  # ffmpeg would search for a beginning further on
        raise _undecodable("it does not begin as FLAC does")
    try:
        # The format is given: of all that ffmpeg reads, strangers' bytes meet its FLAC reader only.
        with av.open(io.BytesIO(value), mode="r", format="flac", metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            context = stream.codec_context
            context.thread_count = 1
            context.options = {"err_detect": "crccheck+explode"}
            rate, channels = context.sample_rate, context.layout.nb_channels
            check_form(rate, channels, "VALUE_CONVERTER")
            said = stream.duration
            blocks: list[NDArray[np.float32]] = []
            count = 0
            for frame in container.decode(stream):
                if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
                    raise _undecodable("its rate or its channels change")
                count += frame.samples
                _check_length(count, rate)  # here: a few bytes can stand for hours
                samples = _full_scale(frame.to_ndarray())
                blocks.append(samples.T if frame.format.is_planar else samples.reshape(-1, channels))
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise _undecodable("it is damaged, or no FLAC") from error
    if said and said != count:
        raise _undecodable(f"{count} of its {said} samples are there")
    return Sound(np.ascontiguousarray(np.concatenate([np.empty((0, channels), np.float32), *blocks])), rate)


def _to_flac(samples: NDArray[np.int16], samplerate: int) -> bytes:
    import av  # noqa: PLC0415 - as above

    channels = samples.shape[1]
    layout = _LAYOUTS[channels - 1]
    file = io.BytesIO()
    with av.open(file, "w", format="flac", options={"metadata_header_padding": "0"}) as container:  # not 8 KiB of it
        stream = container.add_stream("flac", rate=samplerate, layout=layout, format="s16")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = samplerate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""By number of channels; FLAC has but these."""


def _content_type(content_type: str, wanted: str) -> ChunkError:
    return ChunkError("content_type", f"content-type is {_short(content_type)}, not {wanted}", "HEADER_CONVERTER")


def _undecodable(why: str) -> ChunkError:
    return ChunkError("undecodable", f"the FLAC stream cannot be decoded: {why}", "VALUE_CONVERTER")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
