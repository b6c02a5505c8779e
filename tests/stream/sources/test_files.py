from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources.files import FileSource
from stream.tagging.audio import AudioChunk
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
