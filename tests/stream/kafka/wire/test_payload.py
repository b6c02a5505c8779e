"""Sound as bytes and back: exact, whatever the format, and nothing but a ChunkError for what is no sound."""

from __future__ import annotations

import contextlib
import io
import subprocess

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stream.kafka.wire.payload import MAX_BYTES, ChunkError, decode_payload, encode_payload, to_int16

INTEGERS = arrays.arrays(
    np.int16, st.tuples(st.integers(0, 300), st.integers(1, 8)), elements=st.integers(-32768, 32767)
)


def noise(count: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, channels)).astype(np.float32)


def refusal(value: bytes, content_type: str) -> str:
    with pytest.raises(ChunkError) as caught:
        decode_payload(value, content_type)
    assert "\n" not in str(caught.value)
    return caught.value.reason


@given(numbers=INTEGERS, encoding=st.sampled_from(["L16", "S16LE", "FLAC"]))
@settings(max_examples=60, deadline=None)
def test_sixteen_bits_come_back_as_they_went(numbers, encoding):
    samples = numbers.astype(np.float32) / 32768
    value, content_type = encode_payload(samples, 16_000, encoding)
    sound = decode_payload(value, content_type)
    assert sound.samplerate == 16_000
    assert sound.samples.dtype == np.float32
    np.testing.assert_array_equal(sound.samples, samples)
    assert encode_payload(sound.samples, 16_000, encoding) == (value, content_type)


@given(
    samples=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 200), st.integers(1, 8)), elements=st.floats(width=32, allow_nan=True)
    )
)
@settings(max_examples=60, deadline=None)
def test_flac_has_the_bits_of_pcm_and_float_passes_as_it_is(samples):
    flac, pcm, whole = (
        decode_payload(*encode_payload(samples, 44_100, encoding)).samples for encoding in ("FLAC", "S16LE", "F32LE")
    )
    np.testing.assert_array_equal(flac, pcm)
    np.testing.assert_array_equal(whole.view(np.uint32), samples.view(np.uint32))
    sane = np.nan_to_num(samples, nan=0.0)
    assert np.abs(pcm - np.clip(sane, -1, 32767 / 32768)).max() <= 0.5 / 32768


def test_rounding_is_to_the_nearest_and_clips():
    samples = np.array([[1.0], [-1.0], [2.0], [-np.inf], [np.nan], [0.6 / 32768], [-0.6 / 32768]], np.float32)
    assert to_int16(samples).ravel().tolist() == [32767, -32768, 32767, -32768, 0, 1, -1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("S8", b"\x80\x40", [-1, 0.5]),
        ("U8", b"\x00\xc0", [-1, 0.5]),
        ("S16LE", b"\x00\x80\x00\x40", [-1, 0.5]),
        ("S16BE", b"\x80\x00\x40\x00", [-1, 0.5]),
        ("S24LE", b"\x00\x00\x80\x01\x00\x00", [-1, 2**-23]),
        ("S24BE", b"\x80\x00\x00\x00\x00\x01", [-1, 2**-23]),
        ("S32LE", b"\x00\x00\x00\x80\x00\x00\x00\x40", [-1, 0.5]),
        ("S32BE", b"\x80\x00\x00\x00\x40\x00\x00\x00", [-1, 0.5]),
        ("F32LE", np.array([-1, 0.5], "<f4").tobytes(), [-1, 0.5]),
        ("F32BE", np.array([-1, 0.5], ">f4").tobytes(), [-1, 0.5]),
        ("F64LE", np.array([1e300, 0.5], "<f8").tobytes(), [np.inf, 0.5]),
        ("F64BE", np.array([-1, 0.5], ">f8").tobytes(), [-1, 0.5]),
    ],
)
def test_formats(name, value, expected):
    sound = decode_payload(value, f"audio/x-raw; format={name}; rate=8000; channels=2")
    assert sound.samples.tolist() == [expected]


@pytest.mark.parametrize(
    "content_type",
    [
        "audio/L16; rate=16000; channels=1",
        "Audio/l16;rate=16000",
        'audio/L16 ; channels="1" ; rate = 16000',
        "audio/L16; Rate=16000; somebody=else",
        "audio/x-raw; format=S16BE; rate=16000; layout=interleaved; channel-mask=0x1",
    ],
)
def test_a_media_type_is_read_as_the_standard_has_it(content_type):
    sound = decode_payload(b"\x40\x00", content_type)
    assert (sound.samples.tolist(), sound.samplerate) == ([[0.5]], 16_000)


@pytest.mark.parametrize(
    ("value", "content_type", "reason"),
    [
        (b"", "text/html", "content_type"),
        (b"", "audio", "content_type"),
        (b"", "audio/mpeg", "content_type"),
        (b"", "audio/L16", "content_type"),
        (b"", "audio/flac", "content_type"),
        (b"", "audio/x-raw; rate=16000", "content_type"),
        (b"", "audio/x-raw; format=S17LE; rate=16000", "content_type"),
        (b"", "audio/x-raw; format=S16LE; layout=non-interleaved; rate=16000", "content_type"),
        (b"", "audio/L16; rate=16000; rate=8000", "content_type"),
        (b"", "audio/L16; rate=7999", "samplerate"),
        (b"", "audio/L16; rate=192001", "samplerate"),
        (b"", "audio/L16; rate=-16000", "samplerate"),
        (b"", "audio/L16; rate=16_000", "samplerate"),
        (b"", "audio/L16; rate=" + "9" * 5000, "samplerate"),
        (b"", "audio/L16; rate=١٦٠٠٠", "samplerate"),
        (b"", "audio/L16; rate*" + "9" * 5000 + "=16000", "content_type"),
        (b"", "audio/L16; rate=16000; channels=0", "channels"),
        (b"", "audio/L16; rate=16000; channels=65", "channels"),
        (b"\0\0\0", "audio/L16; rate=16000", "wrong_length"),
        (b"\0\0", "audio/L16; rate=16000; channels=2", "wrong_length"),
        (bytes(2 * 80_001), "audio/L16; rate=8000", "oversized"),
        (bytes(MAX_BYTES + 1), "audio/L16; rate=192000; channels=64", "oversized"),
        (b"fLaC", "audio/flac", "undecodable"),
        (b"RIFF\0\0\0\0WAVE", "audio/flac", "undecodable"),
    ],
)
def test_what_is_refused(value, content_type, reason):
    assert refusal(value, content_type) == reason


@given(value=st.binary(max_size=200), content_type=st.text(st.characters(max_codepoint=0x2FF), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_sound_or_refused(value, content_type):
    for each in (content_type, "audio/L16; rate=8000;" + content_type, "audio/x-raw;" + content_type, "audio/flac"):
        with contextlib.suppress(ChunkError):
            decode_payload(value, each)


def test_damaged_flac_is_never_taken_for_sound():
    samples = noise(3000)
    value, content_type = encode_payload(samples, 16_000, "FLAC")
    expected = decode_payload(value, content_type).samples
    audio_begins = 42  # the marker and STREAMINFO, of which some fields matter to nobody
    for position in range(audio_begins, len(value), 61):
        damaged = bytearray(value)
        damaged[position] ^= 0x10
        try:
            np.testing.assert_array_equal(decode_payload(bytes(damaged), content_type).samples, expected)
        except ChunkError as error:
            assert error.reason == "undecodable"
    for length in range(4, len(value) - 1, 401):
        assert refusal(value[:length], content_type) == "undecodable"


@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_flac_with_any_bytes_changed_is_sound_or_refused(changes):
    value = bytearray(encode_payload(noise(500), 16_000, "FLAC")[0])
    for place, flip in changes:
        value[int(place**3 * len(value))] ^= flip  # mostly in the head
    with contextlib.suppress(ChunkError):
        decode_payload(bytes(value), "audio/flac")


def test_a_few_bytes_that_stand_for_hours_are_not_decoded():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((8000 * 600, 1), np.int16), 8000, format="FLAC")
    assert len(file.getvalue()) < 100_000
    assert refusal(file.getvalue(), "audio/flac") == "oversized"


@pytest.mark.parametrize(("subtype", "scale"), [("PCM_16", 2**15), ("PCM_24", 2**23)])
@pytest.mark.parametrize("channels", [1, 2])
def test_flac_of_another_encoder(subtype, scale, channels):
    samples = np.round(noise(20_000, channels) * (scale - 1)) / scale
    file = io.BytesIO()
    soundfile.write(file, samples, 48_000, format="FLAC", subtype=subtype)
    sound = decode_payload(file.getvalue(), "audio/flac")
    assert sound.samplerate == 48_000
    np.testing.assert_array_equal(sound.samples, samples.astype(np.float32))


def test_a_rate_out_of_range_in_flac_is_refused():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((100, 1)), 4000, format="FLAC")
    assert refusal(file.getvalue(), "audio/flac") == "samplerate"


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_ffmpeg_reads_our_flac_and_we_read_its(channels):
    samples = noise(16_000, channels)
    value, content_type = encode_payload(samples, 16_000, "FLAC")
    pcm = ffmpeg(value, "flac", "-f", "s16le")
    assert pcm == encode_payload(samples, 16_000, "S16LE")[0]
    theirs = ffmpeg(pcm, "s16le", "-f", "flac", before=("-ar", "16000", "-ac", str(channels)))  # to a pipe: no length
    np.testing.assert_array_equal(
        decode_payload(theirs, content_type).samples, decode_payload(value, content_type).samples
    )


def test_an_empty_flac_says_its_form_in_the_media_type():
    value, content_type = encode_payload(np.empty((0, 2), np.float32), 44_100, "FLAC")
    sound = decode_payload(value, content_type)
    assert (value, sound.samples.shape, sound.samplerate) == (b"", (0, 2), 44_100)


@pytest.mark.parametrize(
    ("count", "channels", "rate", "encoding", "reason"),
    [
        (1, 9, 16_000, "FLAC", "channels"),
        (1, 65, 16_000, "L16", "channels"),
        (1, 1, 4_000, "L16", "samplerate"),
        (80_001, 1, 8_000, "L16", "oversized"),
        (100_000, 64, 192_000, "F32LE", "oversized"),
    ],
)
def test_what_no_reader_takes_is_not_written(count, channels, rate, encoding, reason):
    with pytest.raises(ChunkError) as caught:
        encode_payload(np.zeros((count, channels), np.float32), rate, encoding)
    assert caught.value.reason == reason


def ffmpeg(data: bytes, form: str, *output: str, before: tuple[str, ...] = ()) -> bytes:
    command = ["ffmpeg", "-v", "error", "-f", form, *before, "-i", "pipe:0", *output, "pipe:1"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout
