from __future__ import annotations

import contextlib
import os
import pty
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.sources.files import FileSource
from stream.sources.stdin import RAW_FORMATS, StdinSource, decode_pcm, sample_bytes
from tests.stream.sources.sounds import (
    CODECS,
    chunks_of,
    end_of,
    music,
    samples_of,
    statuses_of,
    write,
    write_kind,
)


@contextlib.contextmanager
def piped(data: bytes, cuts: list[int] | None = None) -> Iterator:
    """A pipe into which a thread writes data, in pieces that end at the cuts."""
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file, contextlib.suppress(BrokenPipeError):
            begin = 0
            for end in [*sorted(cuts or []), len(data)]:
                piece = memoryview(data)[begin:end]
                while piece:
                    piece = piece[file.write(piece) :]
                begin = end

    thread = threading.Thread(target=feed)
    with os.fdopen(reader, "rb", buffering=0) as file:
        thread.start()
        yield file
    thread.join()


def listen(data: bytes, **options) -> list:
    with piped(data) as file:
        return list(StdinSource(Stop(), file=file, **options))


@pytest.mark.parametrize("sample_format", RAW_FORMATS)
def test_every_raw_format_is_what_ffmpeg_makes_of_it(tmp_path, sample_format):
    """By ffmpeg's own encoders: a wave file of that format, its header left off."""
    codec = f"pcm_{sample_format}"
    container = "aiff" if sample_format.endswith("be") and sample_format[0] == "s" else "au"
    container = "wav" if sample_format.endswith("le") or sample_format == "u8" else container
    container = "aiff" if sample_format == "s8" else container
    sound = music(0.5)
    write(tmp_path / "a", sound, 44100, codec, format=container)
    data = (tmp_path / "a").read_bytes()[-sound.size * sample_bytes(sample_format) :]
    items = listen(data, samplerate=44100, channels=2, sample_format=sample_format)
    np.testing.assert_allclose(samples_of(items), sound, atol=0.01 if sample_format in ("u8", "s8") else 1e-4)
    assert end_of(items).error is None


def test_full_scale_is_one():
    extremes = {
        "u8": b"\x00\x80\xff",
        "s8": b"\x80\x00\x7f",
        "s16le": b"\x00\x80\x00\x00\xff\x7f",
        "s24be": b"\x80\x00\x00\x00\x00\x00\x7f\xff\xff",
        "s32le": b"\x00\x00\x00\x80\x00\x00\x00\x00\xff\xff\xff\x7f",
        "f64be": np.array([-1.0, 0.0, 1.0], ">f8").tobytes(),
    }
    for sample_format, data in extremes.items():
        np.testing.assert_allclose(decode_pcm(data, sample_format), [-1.0, 0.0, 1.0], atol=0.01)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 6000), max_size=20), channels=st.integers(1, 8), count=st.integers(1, 500))
def test_raw_sound_in_any_pieces(cuts, channels, count):
    sound = np.random.default_rng(0).uniform(-1, 1, (count, channels)).astype("<f4")
    data = sound.tobytes()
    with piped(data, [cut for cut in cuts if cut < len(data)]) as file:
        items = list(StdinSource(Stop(), samplerate=8000, channels=channels, sample_format="f32le", file=file))
    np.testing.assert_array_equal(samples_of(items), sound)


def test_raw_sound_without_a_word_about_it_is_refused(tmp_path):
    """Where left and right are alike, ffmpeg takes it for a console's format, and would hear three times the length."""
    sound = (np.repeat(music(2.0)[:, :1], 2, axis=1) * 20_000).astype("<i2").tobytes()
    with pytest.raises(StreamError, match="raw PCM needs --samplerate, --channels and --format"):
        listen(sound)
    for name in ("a.raw", "a.adp"):
        (tmp_path / name).write_bytes(sound)
    with pytest.raises(StreamError, match="raw PCM"):
        list(FileSource(tmp_path / "a.raw", Stop()))
    assert len(samples_of(FileSource(tmp_path / "a.adp", Stop())))  # by its name, it is that console's


def test_what_is_assumed_of_raw_sound_is_said(caplog):
    caplog.set_level("INFO", "stream.sources.stdin")
    listen(bytes(3200), samplerate=16000)
    assert caplog.messages == ["raw PCM is taken as 16000 Hz, 1 channel, s16le: --channels and --format were not given"]
    caplog.clear()
    listen(bytes(3200), samplerate=16000, channels=2)
    assert caplog.messages == ["raw PCM is taken as 16000 Hz, 2 channels, s16le: --format was not given"]
    caplog.clear()
    listen(bytes(3200), samplerate=16000, channels=2, sample_format="s16le")
    assert caplog.messages == []


def test_a_partial_last_sample_is_dropped_and_said():
    items = listen(b"\1\2\3\4\5\6\7", samplerate=16000, channels=2, sample_format="s16le")
    assert samples_of(items).shape == (1, 2)
    (status,) = statuses_of(items)
    assert status.kind == "warning"
    assert "last 3 bytes" in status.detail


def test_values_that_are_no_sound_pass_without_a_warning():
    data = np.array([np.nan, np.inf, 1e300, 0.5], "<f8").tobytes()
    items = listen(data, samplerate=8000, sample_format="f64le")
    np.testing.assert_array_equal(samples_of(items)[:, 0], [np.nan, np.inf, np.inf, 0.5])


@pytest.mark.parametrize("name", [name for name in CODECS if name != "a.m4a"])
def test_a_container_gives_what_the_file_gives(tmp_path, name):
    path = write_kind(tmp_path, name)
    from_file = samples_of(FileSource(path, Stop()))
    items = listen(path.read_bytes())
    from_pipe = samples_of(items)
    np.testing.assert_array_equal(from_pipe, from_file)
    assert end_of(items).error is None


def test_a_redirected_file_gives_exactly_what_the_file_gives(tmp_path):
    for name in ("a.mp3", "a.m4a"):
        path = write_kind(tmp_path, name)
        with path.open("rb") as file:
            items = list(StdinSource(Stop(), file=file))
        np.testing.assert_array_equal(samples_of(items), samples_of(FileSource(path, Stop())))
        assert end_of(items).error is None


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_a_truncated_container_says_so(tmp_path, name):
    data = write_kind(tmp_path, name).read_bytes()
    items = listen(data[: len(data) // 2])
    assert len(chunks_of(items)) > 10
    assert str(end_of(items).error).startswith("truncated")


def test_damage_in_a_container_is_a_warning(tmp_path):
    data = bytearray(write_kind(tmp_path, "a.mp3").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8000] = bytes(8000)
    items = listen(bytes(data))
    (warning,) = statuses_of(items)
    assert (warning.kind, warning.lost_seconds) == ("warning", pytest.approx(0.5, abs=0.05))
    assert str(end_of(items).error).startswith("damaged: sound is missing at 3.0 s")


@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (44100, 1), (22050, 2), (16000, 1)])
@pytest.mark.parametrize("count", [1, 1000, 30001])
def test_an_mp3_of_any_length_and_kind_is_as_long_as_the_file(tmp_path, rate, channels, count):
    path = tmp_path / "a.mp3"
    write(path, music(2.0, rate, channels)[:count], rate, "libmp3lame")
    path.write_bytes(b"ID3\4\0\0\0\0\x7f\0" + bytes(127 * 128) + path.read_bytes())  # with room for cover art
    np.testing.assert_array_equal(samples_of(listen(path.read_bytes())), samples_of(FileSource(path, Stop())))


def test_mp3s_put_one_after_the_other_are_all_heard(tmp_path):
    data = write_kind(tmp_path, "a.mp3", seconds=3.0).read_bytes()
    assert len(samples_of(listen(data + data))) > 2 * 3 * 44100


def test_an_mp4_with_its_index_last_says_what_to_do(tmp_path):
    write(tmp_path / "a.m4a", music(6.0), 44100, "aac")
    with pytest.raises(StreamError, match="index comes last"):
        listen((tmp_path / "a.m4a").read_bytes())


@pytest.mark.parametrize("options", [{}, {"samplerate": 16000}])
def test_an_empty_input_is_an_error(options, tmp_path):
    with pytest.raises(StreamError, match="standard input was empty"):
        listen(b"", **options)
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open("rb") as file, pytest.raises(StreamError, match="standard input was empty"):
        list(StdinSource(Stop(), file=file, **options))


def test_an_input_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    with (tmp_path / "write-only").open("wb") as file, pytest.raises(StreamError, match="cannot be read"):
        list(StdinSource(Stop(), samplerate=16000, file=file))
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(StreamError, match="is closed"):
        StdinSource(Stop())


def test_text_is_no_sound():
    with pytest.raises(StreamError, match="raw PCM needs --samplerate"):
        listen(b"These are words, and not music.\n" * 400)


def test_a_terminal_is_refused():
    controller, terminal = pty.openpty()
    with (
        os.fdopen(controller, "rb", buffering=0),
        os.fdopen(terminal, "rb", buffering=0) as file,
        pytest.raises(UsageError, match="is a terminal"),
    ):
        list(StdinSource(Stop(), file=file))


@pytest.mark.parametrize("options", [{"channels": 2}, {"sample_format": "s16le"}, {"samplerate": 8000, "channels": 0}])
def test_raw_sound_must_be_described_fully(options):
    with pytest.raises(UsageError):
        StdinSource(Stop(), **options)


def test_an_unknown_format_is_refused_with_those_known():
    with pytest.raises(UsageError, match="s16le"):
        StdinSource(Stop(), samplerate=16000, sample_format="mp3")


@pytest.mark.parametrize("options", [{}, {"samplerate": 16000}])
@pytest.mark.parametrize("begin", [b"", b"RIFF"])
def test_a_stop_is_honoured_while_nothing_comes(options, begin):
    reader, writer = os.pipe()
    stop = Stop()
    with os.fdopen(reader, "rb", buffering=0) as file, os.fdopen(writer, "wb", buffering=0) as feeder:
        feeder.write(begin)
        items: list = []
        thread = threading.Thread(target=lambda: items.extend(StdinSource(stop, file=file, **options)))
        thread.start()
        stop.request()
        thread.join(10)
        assert not thread.is_alive()
        assert chunks_of(items) == []


def test_live_sound_comes_out_before_the_input_ends():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as file, os.fdopen(writer, "wb", buffering=0) as feeder:
        feeder.write(bytes(2 * 1600))
        chunk = next(iter(StdinSource(Stop(), samplerate=16000, file=file)))
        assert chunk.samples.shape == (1600, 1)
