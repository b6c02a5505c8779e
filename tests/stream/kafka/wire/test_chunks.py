"""The records of audio.chunks: what is written is read again, and anything else is a ChunkError."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.kafka.wire.chunks import Chunk, ChunkError, decode, encode

CHUNK = Chunk(
    stream="mic-7",
    session="5f0c",
    seq=3,
    sample=48_000,
    samples=np.array([[0.5], [-0.25]], np.float32),
    samplerate=16_000,
    track=None,
    start=False,
    end=False,
    discontinuity=False,
    captured_at=1_700_000_000.125,
)
TITLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def message(**changes):
    return encode(dataclasses.replace(CHUNK, **changes), "L16", "/mic-7")


def decoded(changes=None, *, key=b"mic-7", value=b"\x40\x00", more=(), without=(), timestamp_ms=0):
    """Decode a good record with some headers changed, added or left out."""
    headers = [(name, (changes or {}).get(name, text)) for name, text in message().headers if name not in without]
    return decode(key, value, [*headers, *more], timestamp_ms)


def refusal(*args, **kwargs) -> tuple[str, str]:
    with pytest.raises(ChunkError) as caught:
        decoded(*args, **kwargs)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value.reason, caught.value.stage


@given(
    stream=TITLE.filter(bool),
    track=st.none() | TITLE.filter(bool),
    seq=st.integers(0, 2**62),
    sample=st.integers(0, 2**62),
    start=st.booleans(),
    end=st.booleans(),
    discontinuity=st.booleans(),
    milliseconds=st.none() | st.integers(0, 4_000_000_000_000),
)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_again(milliseconds, **changes):
    captured_at = None if milliseconds is None else milliseconds / 1000
    sent = message(captured_at=captured_at, **changes)
    assert all(text.isascii() and text.decode().isprintable() for _, text in sent.headers)
    chunk = decode(sent.key, sent.value, sent.headers, -1 if sent.timestamp_ms is None else sent.timestamp_ms)
    wanted = dataclasses.replace(CHUNK, captured_at=captured_at, **changes)
    for field in dataclasses.fields(Chunk):
        if field.name != "samples":
            assert getattr(chunk, field.name) == getattr(wanted, field.name)
    np.testing.assert_array_equal(chunk.samples, wanted.samples)


def test_the_headers_are_those_of_a_cloud_event():
    sent = message(track='50% "Café"', start=True, discontinuity=True)
    assert sent.key == b"mic-7"
    assert sent.value == b"\x40\x00\xe0\x00"
    assert sent.timestamp_ms == 1_700_000_000_125
    assert dict(sent.headers) == {
        "content-type": b"audio/L16; rate=16000; channels=1",
        "ce_specversion": b"1.0",
        "ce_type": b"mood.audio.chunk.v1",
        "ce_source": b"/mic-7",
        "ce_id": b"5f0c.3",
        "x-session": b"5f0c",
        "x-seq": b"3",
        "x-sample": b"48000",
        "x-track": b"50%25%20%22Caf%C3%A9%22",
        "x-flags": b"start,discontinuity",
    }


@pytest.mark.parametrize("encoding", ["L16", "S16LE", "F32LE", "FLAC"])
def test_an_end_may_come_without_sound(encoding):
    sent = encode(dataclasses.replace(CHUNK, samples=np.empty((0, 2), np.float32), end=True), encoding, "/")
    chunk = decode(sent.key, sent.value, sent.headers, 0)
    assert (chunk.samples.shape, chunk.samplerate, chunk.end) == ((0, 2), 16_000, True)


def test_no_sound_without_an_end_is_not_written():
    with pytest.raises(ChunkError, match="no sound"):
        message(samples=np.empty((0, 2), np.float32))


def test_headers_of_others_and_empty_ones_are_passed_over():
    chunk = decoded(
        more=[("traceparent", b"\xff\x00"), ("traceparent", None), ("x-track", None), ("x-flags", b" ")],
    )
    assert (chunk.track, chunk.start, chunk.end, chunk.discontinuity) == (None, False, False, False)


def test_flags_in_any_order_with_blanks():
    chunk = decoded(more=[("x-flags", b"discontinuity , end")])
    assert (chunk.start, chunk.end, chunk.discontinuity) == (False, True, True)


@pytest.mark.parametrize("timestamp_ms", [-1, -(2**62), 2**62])
def test_a_time_that_is_none_costs_no_sound(timestamp_ms):
    assert decoded(timestamp_ms=timestamp_ms).captured_at is None


@pytest.mark.parametrize(
    "name", ["content-type", "ce_specversion", "ce_type", "ce_source", "ce_id", "x-session", "x-seq", "x-sample"]
)
def test_required_headers(name):
    missing = ("missing_header", "HEADER_CONVERTER")
    assert refusal(without=[name]) == missing
    assert refusal({name: None}) == missing
    assert refusal({name: b""}) == missing
    bad = ("bad_header", "HEADER_CONVERTER")
    assert refusal(more=[(name, b"1")]) == bad  # twice
    assert refusal({name: "é".encode()}) == bad
    assert refusal({name: b"1\n"}) == bad
    assert refusal({name: b"1" * 100_000}) == bad


@pytest.mark.parametrize("name", ["x-seq", "x-sample"])
@pytest.mark.parametrize(
    "text", ["-1", "+1", " 1", "1 ", "1_000", "1.0", "0x1", "1e3", "nan", str(2**62 + 1), "9" * 5000]
)
def test_numbers_are_decimal_and_not_absurd(name, text):
    assert refusal({name: text.encode()}) == ("bad_header", "HEADER_CONVERTER")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ce_specversion", b"2.0"),
        ("ce_specversion", b"1"),
        ("ce_type", b"mood.audio.chunk.v2"),
        ("x-flags", b"start;end"),
        ("x-flags", b"Start"),
        ("x-flags", b"start,,end"),
        ("x-track", b"%ff"),
        ("x-track", "é".encode()),
    ],
)
def test_headers_that_say_something_else(name, text):
    assert refusal(without=[name], more=[(name, text)]) == ("bad_header", "HEADER_CONVERTER")


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"key": None}, ("no_key", "KEY_CONVERTER")),
        ({"key": b""}, ("no_key", "KEY_CONVERTER")),
        ({"key": b"\xff"}, ("bad_key", "KEY_CONVERTER")),
        ({"key": b"k" * 1025}, ("bad_key", "KEY_CONVERTER")),
        ({"value": None}, ("no_value", "VALUE_CONVERTER")),
        ({"value": b""}, ("wrong_length", "VALUE_CONVERTER")),
        ({"value": b"\0"}, ("wrong_length", "VALUE_CONVERTER")),
        ({"changes": {"content-type": b"audio/mpeg"}}, ("content_type", "HEADER_CONVERTER")),
    ],
)
def test_key_and_value(given_, expected):
    assert refusal(**given_) == expected


GOOD = dict(message().headers)
VALUES = st.none() | st.binary(max_size=40) | st.sampled_from([*GOOD.values(), b"9" * 5000, b"\xd9\xa1"])


@given(
    key=st.none() | st.binary(max_size=8),
    value=st.none() | st.binary(max_size=64),
    headers=st.lists(st.tuples(st.sampled_from([*GOOD, "x-track", "x-flags"]) | st.text(max_size=8), VALUES)),
    timestamp_ms=st.integers(-(2**63), 2**63 - 1),
)
@settings(max_examples=300, deadline=None)
def test_any_record_is_a_chunk_or_a_chunk_error(key, value, headers, timestamp_ms):
    changed = [*({**GOOD, **dict(headers)}).items()]
    for each in (headers, changed):
        try:
            decode(key, value, each, timestamp_ms)
        except ChunkError as error:
            assert error.reason.isidentifier()
            assert str(error).isprintable()
