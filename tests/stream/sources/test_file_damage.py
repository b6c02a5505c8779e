from __future__ import annotations

import itertools
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources.files import FileSource
from tests.stream.sources.sounds import (
    CODECS,
    chunks_of,
    decode,
    end_of,
    music,
    samples_of,
    statuses_of,
    write,
    write_kind,
)


def listen(path: Path) -> list:
    return list(FileSource(path, Stop()))


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


@pytest.mark.parametrize("with_what", ["zeros", "noise"])
@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.opus", "a.m4a"])
def test_damage_in_the_middle_is_a_gap_of_its_length_where_it_is(tmp_path, name, with_what):
    path = write_kind(tmp_path, name, seconds=12.0)
    data = bytearray(path.read_bytes())
    begin, end = len(data) * 8 // 24, len(data) * 11 // 24  # a second and a half, four seconds in
    data[begin:end] = bytes(end - begin) if with_what == "zeros" else np.random.default_rng(0).bytes(end - begin)
    path.write_bytes(data)
    items = listen(path)
    (gap,) = gaps_of(items)
    chunks = chunks_of(items)
    rate = chunks[-1].samplerate
    assert 1.3 < gap / rate < 2.1  # whole frames; of Ogg, whole pages
    assert (chunks[-1].first_sample + len(chunks[-1].samples)) / rate == pytest.approx(12.0, abs=0.05)
    (warning,) = statuses_of(items)
    assert warning.kind == "warning"
    assert warning.lost_seconds * rate == pytest.approx(gap)  # counted once, as the gap is
    error = str(end_of(items).error)
    assert error.startswith("damaged: sound is missing at ")
    assert "truncated" not in error


def test_a_file_both_damaged_and_cut_off_says_both(tmp_path):
    path = write_kind(tmp_path, "a.mp3", seconds=12.0)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 8000] = bytes(8000)
    path.write_bytes(data[: len(data) * 3 // 4])
    error = str(end_of(listen(path)).error)
    assert error.startswith("damaged: sound is missing at 4.0 s (0.5 s of it in all)")
    assert "header promises 12.0 s" in error


def test_the_tags_of_a_second_song_in_a_file_take_no_time(tmp_path):
    song = write_kind(tmp_path, "a.mp3").read_bytes()
    first = song + b"TAG" + bytes(125)
    cover = b"ID3\4\0\0\0\7\x7f\0" + np.random.default_rng(0).bytes((7 << 14) + (0x7F << 7))  # eight seconds' worth
    path = tmp_path / "both.mp3"
    path.write_bytes(first + cover + song)
    assert sum(gaps_of(listen(path))) < 0.1 * 44100


def gaps_of(items: list) -> list[int]:
    """The jumps of the sample index, each of which must be flagged, in samples."""
    gaps = []
    for before, after in itertools.pairwise(chunks_of(items)):
        gap = after.first_sample - before.first_sample - len(before.samples)
        assert after.discontinuity or not gap
        gaps += [gap] if gap else []
    return gaps


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
    assert gaps_of(items) == [10 * 960]
    (warning,) = statuses_of(items)
    assert (warning.kind, warning.lost_seconds) == ("warning", pytest.approx(0.2))
    assert "0.2 s of sound are missing at 2.0 s" in warning.detail


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
