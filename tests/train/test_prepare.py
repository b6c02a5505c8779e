"""Preparing resumes after a kill, skips what is broken, and keeps frames exactly enough."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.mel import melspectrogram
from tests.train import small_music
from train import prepare
from train.data.audio import read_audio
from train.data.features import Pack, load_songs, to_frames, to_levels
from train.datasets.catalogue import read_songs


def contents(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.iterdir()}


def test_cached_levels_give_back_the_front_ends_frames(small_cache: Path, small_music_folder: Path) -> None:
    frames = melspectrogram(read_audio(small_music_folder / "4q/s0.wav"))
    np.testing.assert_allclose(to_frames(Pack(small_cache / "clean")["4q/s0"]), frames, rtol=0, atol=0.005)


def test_a_change_of_level_is_an_addition(small_music_folder: Path) -> None:
    samples = read_audio(small_music_folder / "4q/s3.wav")
    quieter = to_frames(to_levels(melspectrogram(samples)).astype(np.float32) - 1.2)
    np.testing.assert_allclose(quieter, melspectrogram(samples * 10 ** (-12 / 20)), rtol=0, atol=0.005)


def test_annotations_travel_with_the_cache(small_cache: Path, small_music_folder: Path) -> None:
    assert load_songs(small_cache) == read_songs(small_music_folder)


def test_degraded_versions_are_of_training_songs_and_differ(small_cache: Path) -> None:
    clean, degraded = Pack(small_cache / "clean"), Pack(small_cache / "degraded1")
    splits = {song.key: song.split for song in load_songs(small_cache)}
    assert {splits[key] for key in degraded} == {"train"}
    same = [np.array_equal(clean[key], degraded[key]) for key in degraded]
    assert sum(same) < len(same) / 4
    assert {splits[key] for key in Pack(small_cache / "validation_degraded")} == {"validation"}


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_an_interrupted_run_is_continued_to_the_same_cache(
    small_cache: Path, small_music_folder: Path, tmp_path: Path, cut: int
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(small_cache, cache)
    # What a kill leaves: whole songs, a song without its line, a line cut short, later packs missing.
    lines = (cache / "clean.index").read_bytes().splitlines(keepends=True)
    (cache / "clean.index").write_bytes(b"".join(lines[:cut])[:-3])
    (cache / "degraded1.f16").unlink()
    (cache / "degraded1.index").unlink()
    (cache / "songs.json").unlink()
    assert prepare.main(["--music", str(small_music_folder), "--cache", str(cache), "--versions", "1",
                         "--negatives", "0", "--jobs", "1"]) == 0  # fmt: skip
    assert contents(cache) == contents(small_cache)


def test_songs_that_are_there_are_not_computed_again(
    small_cache: Path, small_music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small_cache, tmp_path / "cache")
    computed: list[str] = []
    monkeypatch.setattr(prepare, "song_levels", lambda song, version: computed.append(song.key))
    prepare.prepare(small_music_folder, tmp_path / "cache", versions=1, negatives=0, jobs=1)
    assert computed == []


def test_broken_files_are_skipped_and_listed(
    small_music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = shutil.copytree(small_music_folder, tmp_path / "music")
    (music / "4q/s1.wav").write_text("this is no sound")
    (music / "emotify/s0.wav").unlink()
    small_music.write_wav(music / "incompetech/s0.wav", small_music.piece(0, seconds=2.0))
    assert prepare.main(["--music", str(music), "--cache", str(tmp_path / "cache"), "--versions", "0",
                         "--negatives", "0", "--jobs", "2"]) == 0  # fmt: skip
    assert "27 songs prepared" in capsys.readouterr().err
    listed = (tmp_path / "cache/skipped.csv").read_text()
    assert all(name in listed for name in ("4q/s1", "emotify/s0", "incompetech/s0", "shorter than one window"))
    keys = list(Pack(tmp_path / "cache/clean"))
    assert len(keys) == 27
    assert "4q/s1" not in keys


def test_a_folder_without_tables_is_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--music", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.prepare: ")
    assert "4q.csv" in line


def test_a_song_that_is_listed_twice_is_one_line_and_status_1(
    small_music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (small_music_folder / "4q.csv").read_text()
    (tmp_path / "4q.csv").write_text(text + text.splitlines(keepends=True)[1])
    assert prepare.main(["--music", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "lists the song 4q/s0 more than once" in line
