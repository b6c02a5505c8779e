from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.audio import AudioChunk, StreamEnd
from stream.errors import StreamError
from stream.sources.files import FileSource, expand_paths, stream_names
from stream.stop import Stop
from tests.stream.sources.sounds import CODECS, chunks_of, decode, end_of, music, samples_of, write, write_kind


def listen(path: Path) -> list:
    return list(FileSource(path, Stop()))


def assert_counted(chunks: list[AudioChunk]) -> None:
    """Chunks follow each other without a gap, from sample 0."""
    expected = 0
    for chunk in chunks:
        assert chunk.first_sample == expected
        assert not chunk.discontinuity
        expected += len(chunk.samples)


@pytest.mark.parametrize("name", CODECS)
def test_a_file_gives_the_samples_that_pyav_decodes(tmp_path, name):
    path = write_kind(tmp_path, name)
    items = listen(path)
    samples, rate = decode(path)
    np.testing.assert_array_equal(samples_of(items), samples)
    assert {chunk.samplerate for chunk in chunks_of(items)} == {rate}
    assert {chunk.stream for chunk in chunks_of(items)} == {str(path)}
    assert max(len(chunk.samples) for chunk in chunks_of(items)) <= rate
    assert_counted(chunks_of(items))
    assert end_of(items).error is None


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]),
    channels=st.sampled_from([1, 2, 6]),
    count=st.integers(1, 60000),
    codec=st.sampled_from(["pcm_s16le", "pcm_f32le", "pcm_s24le", "pcm_u8", "flac"]),
)
def test_any_rate_length_and_channel_count(tmp_path_factory, rate, channels, count, codec):
    path = tmp_path_factory.mktemp("any") / ("a.flac" if codec == "flac" else "a.wav")
    sound = music(60000 / rate, rate, channels)[:count]
    write(path, sound, rate, codec)
    items = listen(path)
    heard = samples_of(items)
    assert heard.shape == sound.shape
    np.testing.assert_allclose(heard, sound, atol=0.02 if codec == "pcm_u8" else 1e-4)
    assert chunks_of(items)[0].samplerate == rate
    assert_counted(chunks_of(items))
    assert end_of(items).error is None


def test_a_variable_rate_mp3(tmp_path):
    path = tmp_path / "vbr.mp3"
    loud_then_silent = np.concatenate([music(3.0), np.zeros((3 * 44100, 2), np.float32)])
    write(path, loud_then_silent, 44100, "libmp3lame", codec_options={"flags": "+qscale", "global_quality": "236"})
    items = listen(path)
    assert len(samples_of(items)) == 6 * 44100
    assert end_of(items).error is None


def test_a_variable_rate_mp3_without_a_header_is_not_taken_for_truncated(tmp_path):
    path = tmp_path / "vbr.mp3"
    silent_then_loud = np.concatenate([np.zeros((3 * 44100, 2), np.float32), music(3.0)])
    options = {"write_xing": "0", "id3v2_version": "0"}
    write(
        path,
        silent_then_loud,
        44100,
        "libmp3lame",
        codec_options={"flags": "+qscale", "global_quality": "236"},
        options=options,
    )
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration > 7_000_000  # ffmpeg's guess, far beyond the 6 s that are there
    assert end_of(listen(path)).error is None


def test_tags_at_the_end_of_an_mp3_are_no_damage(tmp_path):
    path = write_kind(tmp_path, "a.mp3")
    tags = b"APETAGEX" + bytes(24) + b"\xff\xfb\x90\x01 cover art " * 100 + b"TAG" + b"x" * 125
    path.write_bytes(path.read_bytes() + tags)
    assert end_of(listen(path)).error is None


def test_the_sound_of_a_film_is_taken(tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height = 64, 48
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("flac", rate=16000)
        audio.layout = "mono"
        for index in range(100):  # four seconds of picture
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            picture.pts = index
            container.mux(video.encode(picture))
        sound = np.ascontiguousarray((music(2.0, 16000, 1).T * 32767).astype(np.int16))
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = 16000
        frame.pts = 0
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    items = listen(path)
    assert len(samples_of(items)) == 32000
    assert end_of(items).error is None


def test_a_change_of_rate_and_channels_in_mid_file_is_converted(tmp_path):
    path = tmp_path / "joined.mp3"
    options = {"write_xing": "0", "id3v2_version": "0"}
    with path.open("wb") as file:
        for rate, channels in [(44100, 2), (22050, 1)]:
            part = tmp_path / "part.mp3"
            write(part, music(3.0, rate, channels), rate, "libmp3lame", options=options)
            file.write(part.read_bytes())
    items = listen(path)
    assert {chunk.samplerate for chunk in chunks_of(items)} == {44100}
    assert {chunk.samples.shape[1] for chunk in chunks_of(items)} == {2}
    assert len(samples_of(items)) == pytest.approx(6 * 44100, abs=0.2 * 44100)
    assert_counted(chunks_of(items))


@pytest.mark.parametrize("name", [name for name in CODECS if name != "a.aac"])  # AAC has no length to be short of
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_truncated_file_gives_what_is_there_and_says_so(tmp_path, name, share):
    path = write_kind(tmp_path, name)
    whole, rate = decode(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    items = listen(path)
    heard = samples_of(items)
    assert 0.05 < len(heard) / len(whole) < share + 0.05
    np.testing.assert_array_equal(heard, whole[: len(heard)])
    assert f"after {len(heard) / rate:.1f} s" in str(end_of(items).error)
    assert str(end_of(items).error).startswith("truncated")


@pytest.mark.parametrize("codec", ["adpcm_ima_wav", "pcm_alaw", "pcm_s24le", "pcm_f64le"])
def test_a_whole_wave_file_of_any_codec_is_not_taken_for_truncated(tmp_path, codec):
    path = tmp_path / "a.wav"
    write(path, music(3.0, 8000, 1), 8000, codec)
    assert end_of(listen(path)).error is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "header promises 3." in str(end_of(listen(path)).error)


@pytest.mark.parametrize("kind", ["wav", "flac", "matroska", "au", "mp3", "ogg"])
def test_a_length_that_its_writer_could_not_know_is_not_missed(tmp_path, kind):
    """Written into a pipe: the header cannot be completed at the end."""
    codecs = {"wav": "pcm_s16le", "au": "pcm_s16be", "mp3": "libmp3lame"}
    path = tmp_path / "streamed"
    with path.open("wb") as file:
        write(
            OneWay(file),
            music(3.0, 48000),
            48000,
            codecs.get(kind, "libopus" if kind == "ogg" else "flac"),
            format=kind,
        )
    items = listen(path)
    assert len(samples_of(items)) >= 3 * 48000
    assert end_of(items).error is None


class OneWay:
    """A file without ``seek``."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def test_damage_in_the_middle_is_passed_over_and_said(tmp_path):
    path = write_kind(tmp_path, "a.flac")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60000] = bytes(60000)
    path.write_bytes(data)
    items = listen(path)
    assert end_of(items).error is not None
    chunks = chunks_of(items)
    last = chunks[-1]
    assert last.first_sample + len(last.samples) > 5 * 44100


def test_garbage_packets_leave_a_gap(tmp_path):
    path = write_kind(tmp_path, "a.mka")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.pos]
    for packet in packets[100:110]:  # an Opus packet that says it holds 63 frames of 60 ms
        begin = data.find(bytes(packet), packet.pos)
        data[begin : begin + 2] = b"\xff\xff"
    path.write_bytes(data)
    items = listen(path)
    assert end_of(items).error == "damaged: sound is missing at 2.0 s (0.2 s of it in all)"
    gaps = [
        (after.first_sample - before.first_sample - len(before.samples), after.discontinuity)
        for before, after in itertools.pairwise(chunks_of(items))
    ]
    assert [gap for gap in gaps if gap != (0, False)] == [(10 * 960, True)]


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(CODECS)),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=200)), min_size=1, max_size=5),
    share=st.floats(0.01, 1),
)
def test_whatever_is_in_a_file_it_is_heard_or_refused_in_one_line(tmp_path_factory, name, places, share):
    path = write_kind(tmp_path_factory.mktemp("damaged"), name, seconds=1.0)
    data = bytearray(path.read_bytes())
    for place, damage in places:
        begin = int(place * len(data))
        data[begin : begin + len(damage)] = damage
    path.write_bytes(data[: max(1, int(share * len(data)))])
    try:
        error = end_of(listen(path)).error
    except StreamError as refusal:
        error = str(refusal)
    assert "\n" not in (error or "")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"These are words, and not music.\n" * 400, "no sound"),
        (b"<html><body>Not found</body></html>", "no sound"),
        (bytes(range(256)) * 8, "no sound"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(StreamError, match=complaint) as caught:
        listen(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_mp4_whose_index_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "a.m4a"
    write(path, music(), 44100, "aac")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(StreamError, match="cut off"):
        listen(path)


def test_a_picture_has_no_sound(tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height = 64, 48
        video.pix_fmt = "yuv420p"
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(video.encode(None))
    with pytest.raises(StreamError, match="no sound track"):
        listen(path)


def test_a_path_that_is_not_there_or_a_directory(tmp_path):
    with pytest.raises(StreamError, match="no such file"):
        listen(tmp_path / "nothing.mp3")
    with pytest.raises(StreamError, match="is a directory"):
        listen(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write_kind(tmp_path, "a.wav")
    path.chmod(0)
    with pytest.raises(StreamError, match="cannot be opened: Permission denied"):
        listen(path)


def test_a_pipe_is_read_as_it_comes_and_stopped_while_it_waits(tmp_path):
    path = write_kind(tmp_path, "a.flac")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    np.testing.assert_array_equal(samples_of(listen(pipe)), samples_of(listen(path)))
    writer.join()
    stop = Stop()
    listener = threading.Thread(target=lambda: list(FileSource(pipe, stop)))
    listener.start()
    with pipe.open("wb"):  # opens as soon as the listener has
        stop.request()
        listener.join(10)
        assert not listener.is_alive()


def test_a_file_replaced_while_it_is_read_is_heard_to_its_end(tmp_path):
    path = write_kind(tmp_path, "a.wav", seconds=20.0)
    whole, _ = decode(path)
    items = iter(FileSource(path, Stop()))
    first = next(items)
    other = tmp_path / "b.wav"
    write(other, music(1.0, seed=1), 44100, "pcm_s16le")
    other.replace(path)
    rest = list(items)
    np.testing.assert_array_equal(samples_of([first, *rest]), whole)
    assert end_of(rest).error is None


def test_a_file_overwritten_while_it_is_read_says_so(tmp_path):
    path = write_kind(tmp_path, "a.wav", seconds=20.0)
    items = iter(FileSource(path, Stop()))
    next(items)
    path.write_bytes(path.read_bytes()[:200_000])
    assert str(end_of(list(items)).error).startswith("changed while it was read")


def test_a_stop_ends_the_stream_without_an_error(tmp_path):
    stop = Stop()
    items = iter(FileSource(write_kind(tmp_path, "a.flac"), stop))
    next(items)
    stop.request()
    assert list(items) == []


def test_realtime_holds_chunks_until_they_are_due(tmp_path, monkeypatch):
    """By a clock of its own that only waiting moves: a slow machine changes nothing."""
    now = 1000.0
    monkeypatch.setattr("stream.sources.files.time.monotonic", lambda: now)

    class Clock(Stop):
        def wait(self, seconds: float) -> bool:
            nonlocal now
            now += max(0.0, seconds)
            return False

    for chunk in FileSource(write_kind(tmp_path, "a.flac"), Clock(), realtime=True):
        if isinstance(chunk, StreamEnd):
            break
        assert isinstance(chunk, AudioChunk)
        assert now - 1000.0 == pytest.approx((chunk.first_sample + len(chunk.samples)) / chunk.samplerate)
    assert now == pytest.approx(1006.0)


def test_a_stop_is_honoured_while_realtime_waits(tmp_path):
    stop = Stop()
    source = FileSource(write_kind(tmp_path, "a.wav", seconds=60.0), stop, realtime=True)
    heard = threading.Event()

    def listen_on() -> None:
        for _ in source:
            heard.set()

    thread = threading.Thread(target=listen_on)
    thread.start()
    assert heard.wait(10)
    stop.request()
    thread.join(10)
    assert not thread.is_alive()


def test_directories_are_walked_and_named_files_always_taken(tmp_path):
    for name in [
        "b/2.MP3",
        "b/1.flac",
        "a.opus",
        "b/notes.txt",
        ".hidden.mp3",
        ".git/x.wav",
        "b/c/deep.m4a",
        "odd.bin",
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = expand_paths([tmp_path / "odd.bin", tmp_path, Path("missing.mp3")])
    names = ["odd.bin", "a.opus", "b/1.flac", "b/2.MP3", "b/c/deep.m4a"]
    assert found == [*(tmp_path / name for name in names), Path("missing.mp3")]


def test_a_directory_that_links_to_itself_ends(tmp_path):
    (tmp_path / "a.mp3").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert expand_paths([tmp_path]) == [tmp_path / "a.mp3"]


def test_a_directory_without_sound_is_an_error_that_names_it(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StreamError, match=str(tmp_path)):
        expand_paths([tmp_path])


def test_stream_names_are_distinct_and_can_be_written():
    paths = [Path("a.mp3"), Path("b.mp3"), Path("a.mp3"), Path("a.mp3"), Path(os.fsdecode(b"caf\xe9.mp3"))]
    assert stream_names(paths) == ["a.mp3", "b.mp3", "a.mp3 (2)", "a.mp3 (3)", "caf\N{REPLACEMENT CHARACTER}.mp3"]
