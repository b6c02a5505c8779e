"""What is prepared is of the files as they are now: one that was replaced, or is of another folder, counts anew."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.train import own_songs, small_music
from train.data.features import Features


@pytest.fixture
def songs(own_table: Path, tmp_path: Path) -> Path:
    """A folder with a table and its songs, to be changed."""
    return Path(shutil.copytree(own_table.parent, tmp_path / "songs"))


@pytest.fixture
def cache(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The features of these songs."""
    assert own_songs.prepared(songs / "songs.csv", tmp_path / "cache") == 0
    assert "were there" not in capsys.readouterr().err
    return tmp_path / "cache"


def replace(song: Path, number: int = 30) -> None:
    """Put another song of the same length in a song's place; its time says so, not its size."""
    before = song.stat()
    small_music.write_wav(song, small_music.piece(number, 4.0 + int(song.stem[1:]) / 10))
    assert song.stat().st_size == before.st_size
    os.utime(song, (before.st_atime, before.st_mtime + 2))


def same(cache: Path, table: Path, fresh: Path, *more: str) -> bool:
    """Tell whether a folder's features are those that a fresh one gets."""
    assert own_songs.prepared(table, fresh, *more) == 0
    one, other = Features.open(cache), Features.open(fresh)
    assert one.skipped == other.skipped
    return all(np.array_equal(one[entry.id], other[entry.id]) for entry in other.manifest.entries)


def test_what_was_there_already_is_said(songs: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in cache.iterdir()}
    assert own_songs.prepared(songs / "songs.csv", cache) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith("12 songs prepared in "
        f"{cache}, 0 skipped; 12 were there already")  # fmt: skip
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == before


def test_a_replaced_song_is_computed_again(
    songs: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(songs / "s4.wav")
    assert own_songs.prepared(songs / "songs.csv", cache) == 0
    said = "12 songs prepared in {}, 0 skipped; 11 were there already; 1 computed again, as their files are others now"
    assert capsys.readouterr().err.splitlines()[-1] == said.format(cache)
    assert same(cache, songs / "songs.csv", tmp_path / "fresh")


def test_songs_of_another_folder_are_other_songs(songs: Path, cache: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(songs, tmp_path / "other"))
    replace(other / "s0.wav")
    replace(other / "s7.wav", 31)
    more = ("--audio", str(other))
    assert own_songs.prepared(songs / "songs.csv", cache, *more) == 0
    assert same(cache, songs / "songs.csv", tmp_path / "fresh", *more)


def test_a_replaced_song_that_cannot_be_read_is_there_no_more(songs: Path, cache: Path, tmp_path: Path) -> None:
    (songs / "s4.wav").write_text("this is no sound")
    assert own_songs.prepared(songs / "songs.csv", cache) == 0
    assert list(Features.open(cache).skipped) == ["s4.wav"]
    assert same(cache, songs / "songs.csv", tmp_path / "fresh")
    small_music.write_wav(songs / "s4.wav", small_music.piece(30))
    assert own_songs.prepared(songs / "songs.csv", cache) == 0
    assert same(cache, songs / "songs.csv", tmp_path / "again")


@pytest.mark.parametrize("gone", ["the marks", "the songs"])
def test_what_nobody_can_compare_is_kept(
    songs: Path, cache: Path, capsys: pytest.CaptureFixture[str], gone: str
) -> None:
    """A folder of an older version has no marks; and labels may be prepared anew without the audio."""
    index = cache / "features.index"
    if gone == "the marks":
        lines = [json.dumps(json.loads(line)[:3]) for line in index.read_text().splitlines()]
        index.write_text("".join(f"{line}\n" for line in lines))
        replace(songs / "s4.wav")
    else:
        for path in songs.glob("*.wav"):
            path.unlink()
    assert own_songs.prepared(songs / "songs.csv", cache) == 0
    assert "0 skipped; 12 were there already" in capsys.readouterr().err


def test_a_damaged_journal_is_one_line(songs: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cache / "features.index").write_text("nonsense\n")
    assert own_songs.prepared(songs / "songs.csv", cache) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: "))
    assert line.startswith("train.prepare: ")
    assert "features.index is damaged in line 1" in line
