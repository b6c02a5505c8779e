"""The features of a data set are the front-end's frames, whatever interrupts their making and however it is shared."""

import functools
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.frontend import MTG_JAMENDO, FrontEnd
from model.mel import melspectrogram
from tests.train import own_songs, small_music
from train.data.audio import read_audio
from train.data.features import FeatureError, Features, Pack, PackWriter, Shard, read_journal, to_frames
from train.data.table import AnnotationError


def contents(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.iterdir()}


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line of an error; the progress bar and notes are none."""
    lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
    (line,) = (line for line in lines if line and "file/s" not in line and not line.startswith("note: "))
    assert line.startswith("train.prepare: ")
    return line


def test_they_are_the_front_ends_frames(own_cache: Path, own_table: Path) -> None:
    features = Features.open(own_cache)
    assert [entry.id for entry in features.manifest.entries] == [f"s{number}.wav" for number in range(12)]
    for entry in features.manifest.entries:
        frames = melspectrogram(read_audio(own_table.parent / entry.path))
        np.testing.assert_allclose(to_frames(features[entry.id]), frames, rtol=0, atol=0.005)


def test_any_number_of_processes_makes_the_same(own_cache: Path, own_table: Path, tmp_path: Path) -> None:
    assert own_songs.prepared(own_table, tmp_path, "--jobs", "2") == 0
    assert contents(tmp_path) == contents(own_cache)


@given(st.integers(0, 200), st.integers(1, 12))
def test_every_song_is_in_exactly_one_shard(songs: int, count: int) -> None:
    shards = [Shard.parse(f"{index}/{count}") for index in range(1, count + 1)]
    parts = [list(range(songs))[shard.index - 1 :: shard.count] for shard in shards]
    assert sorted(itertools.chain(*parts)) == list(range(songs))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len({shard.name for shard in shards}) == count


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="a shard is i/n"):
        Shard.parse(text)


def test_shards_make_up_the_whole_and_none_may_be_missing(
    own_cache: Path, own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert own_songs.prepared(own_table, tmp_path, "--shard", "1/3") == 0
    assert own_songs.prepared(own_table, tmp_path, "--shard", "3/3") == 0
    with pytest.raises(FeatureError, match=r"half-written: 4 of 12 songs \(such as s1.wav\)"):
        Features.open(tmp_path)
    assert own_songs.prepared(own_table, tmp_path, "--shard", "2/3") == 0
    whole, parts = Features.open(own_cache), Features.open(tmp_path)
    assert parts.manifest.entries == whole.manifest.entries
    assert all(np.array_equal(parts[e.id], whole[e.id]) for e in whole.manifest.entries)
    assert "4 songs prepared" in capsys.readouterr().err


def test_what_cannot_be_used_is_skipped_and_listed_until_it_can(
    own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(own_table.parent, tmp_path / "songs"))
    (folder / "s0.wav").unlink()
    (folder / "s1.wav").write_text("this is no sound")
    (folder / "s3.wav").write_bytes((folder / "s3.wav").read_bytes()[:44])
    small_music.write_wav(folder / "s4.wav", np.zeros(100))
    (folder / "s5.wav").unlink()
    (folder / "s5.wav").mkdir()
    table, cache = folder / "songs.csv", tmp_path / "cache"
    assert own_songs.prepared(table, cache) == 0
    err = capsys.readouterr().err
    assert "skipped: s0.wav: s0.wav: no such file" in err
    assert "7 songs prepared" in err
    features = Features.open(cache)
    assert list(features.skipped) == ["s0.wav", "s1.wav", "s3.wav", "s4.wav", "s5.wav"]
    assert features.skipped["s4.wav"] == "s4.wav: shorter than one frame"
    assert len(features.manifest) == 7
    small_music.write_wav(folder / "s0.wav", small_music.piece(0))
    assert own_songs.prepared(table, cache) == 0
    assert "s0.wav" in Features.open(cache)


def test_nothing_that_can_be_used_is_a_failure(own_table: Path, tmp_path: Path) -> None:
    assert own_songs.prepared(own_table, tmp_path, "--audio", str(tmp_path)) == 1


def test_features_of_another_front_end_are_not_mixed(
    own_cache: Path, own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    assert own_songs.prepared(own_table, cache, "--frontend", "mtg-jamendo") == 1
    assert "features of another front-end: samplerate 16000 and 12000" in one_line(capsys)
    assert contents(cache) == contents(own_cache)


def test_another_data_set_is_not_mixed_but_more_songs_are_welcome(
    own_cache: Path, own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    rows = [own_songs.row(number) | {"id": f"s{number}.wav"} for number in range(12)]
    other = own_songs.write(tmp_path / "other.csv", [row | {"path": f"there/{row['path']}"} for row in rows])
    assert own_songs.prepared(other, cache) == 1
    assert "holds another data set (s0.wav is s0.wav there): take another --cache" in one_line(capsys)
    assert contents(cache) == contents(own_cache)
    more = own_songs.write(tmp_path / "more.csv", [*rows, own_songs.row(12, id="new", path="s3.wav")])
    assert own_songs.prepared(more, cache, "--audio", str(own_table.parent)) == 0
    assert len(Features.open(cache).manifest) == 13


def test_the_default_models_cache_is_another_thing(
    small_cache: Path, small_music_folder: Path, own_cache: Path, own_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(small_cache)
    assert own_songs.prepared(own_table, small_cache) == 1
    assert "holds the default model's songs (--music): take another --cache" in one_line(capsys)
    assert contents(small_cache) == before
    assert own_songs.prepare.main(["--music", str(small_music_folder), "--cache", str(own_cache)]) == 1
    assert "holds the songs of one data set (--dataset)" in one_line(capsys)


def test_a_table_called_as_sound_without_music_is_refused(
    own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(own_table, tmp_path / "negative.csv")
    assert own_songs.prepared(tmp_path / "negative.csv", tmp_path / "cache") == 1
    assert "rename the table" in one_line(capsys)


@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.999])
def test_a_pack_that_was_cut_short_is_said_and_mended(
    own_cache: Path, own_table: Path, tmp_path: Path, keep: float
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    data = cache / "features.f16"
    size = int(keep * data.stat().st_size) if keep < 1 else 1
    data.write_bytes(data.read_bytes()[:size])
    with pytest.raises(FeatureError, match=r"\A.*shorter than its journal says.*\Z"):
        Features.open(cache)
    assert own_songs.prepared(own_table, cache) == 0
    assert contents(cache) == contents(own_cache)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("features.json", "{", "is damaged: remove the folder"),
        ("features.json", "[]", "is damaged: remove the folder"),
        ("features.json", json.dumps({"frontend": {"hop": 3}}), "is damaged"),
        ("features.json", json.dumps({"frontend": FrontEnd().to_metadata()}), "is damaged: remove the folder"),
        ("features.index", "nonsense\n", "features.index is damaged in line 1"),
        ("features.index", '["s0.wav", 7, 3]\n', "features.index is damaged in line 1"),
        ("features.index", '["s0.wav", 0, "3"]\n', "features.index is damaged in line 1"),
        ("features.index", '["s0.wav", 0, 3]', "half-written"),
        ("manifest.csv", "id,path\n", "no songs"),
    ],
)
def test_a_damaged_folder_is_one_line(own_cache: Path, tmp_path: Path, name: str, text: str, message: str) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    (cache / name).write_text(text)
    with pytest.raises(FeatureError, match=r"\A.*\Z") as caught:
        Features.open(cache)
    assert message in str(caught.value)
    (cache / name).unlink()
    with pytest.raises((FeatureError, AnnotationError), match=r"\A.*\Z"):
        Features.open(cache)


@pytest.mark.parametrize("more", ["\n", "s1.wav\n", "a,b,c\n", "\udcff,x\n"])
def test_a_damaged_list_of_skipped_songs_is_one_line(own_cache: Path, tmp_path: Path, more: str) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    with (cache / "features.skipped.csv").open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(more)
    with pytest.raises(FeatureError, match=r"\A.*features.skipped.csv is damaged .*\Z"):
        Features.open(cache)


class TestReadyMadeMels:
    """As MTG-Jamendo offers them: (bands, frames), in the place of the audio."""

    @staticmethod
    def table(folder: Path, own_table: Path, suffix: str = ".mp3") -> Path:
        rows = [own_songs.row(number) | {"path": f"s{number}{suffix}"} for number in range(12)]
        for number in range(12):
            samples = read_audio(own_table.parent / f"s{number}.wav", MTG_JAMENDO.samplerate)
            np.save(folder / f"s{number}.npy", melspectrogram(samples, MTG_JAMENDO).T)
        return own_songs.write(folder / "songs.csv", rows)

    @pytest.mark.parametrize("suffix", [".mp3", ".npy"])
    def test_they_are_those_of_the_audio(self, own_table: Path, tmp_path: Path, suffix: str) -> None:
        table = self.table(tmp_path, own_table, suffix)
        assert own_songs.prepared(table, tmp_path / "ready", "--frontend", "mtg-jamendo") == 0
        assert own_songs.prepared(own_table, tmp_path / "audio", "--frontend", "mtg-jamendo") == 0
        ready, audio = (tmp_path / name / "features.f16" for name in ("ready", "audio"))
        assert ready.read_bytes() == audio.read_bytes()

    def test_what_is_something_else_is_skipped_and_listed(self, own_table: Path, tmp_path: Path) -> None:
        table = self.table(tmp_path, own_table)
        good = np.load(tmp_path / "s0.npy")
        for number, values in enumerate([good.T, good.astype(int), good[0], good[:, :0], good * np.nan, good + 1e6]):
            np.save(tmp_path / f"s{number}.npy", values)
        np.save(tmp_path / "s6.npy", np.array([{}]), allow_pickle=True)
        (tmp_path / "s7.npy").write_bytes((tmp_path / "s8.npy").read_bytes()[:300])
        with (tmp_path / "s8.npy").open("wb") as file:
            np.savez(file, good)
        (tmp_path / "s9.npy").write_bytes(b"")
        assert own_songs.prepared(table, tmp_path / "cache", "--frontend", "mtg-jamendo") == 0
        features = Features.open(tmp_path / "cache")
        assert sorted(features.skipped) == sorted(f"s{number}.npy".replace("npy", "mp3") for number in range(10))
        assert all("\n" not in reason for reason in features.skipped.values())

    def test_they_are_not_for_the_projects_own_front_end(self, own_table: Path, tmp_path: Path) -> None:
        assert own_songs.prepared(self.table(tmp_path, own_table), tmp_path / "cache") == 1
        with pytest.raises(AnnotationError):
            raise AnnotationError(*Features.open(tmp_path / "cache").skipped.values())


@given(st.data())
def test_whatever_a_kill_leaves_it_goes_on(
    own_cache: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Frames come before their line in the journal: a journal cut short is left, and frames at least as long."""
    folder = tmp_path_factory.mktemp("killed")
    index, frames = ((own_cache / f"features.{suffix}").read_bytes() for suffix in ("index", "f16"))
    kept = index[: data.draw(st.integers(0, len(index)))]
    (folder / "features.index").write_bytes(kept)
    lines = kept.count(b"\n")
    end = sum(json.loads(index.splitlines()[lines - 1])[1:3]) * 96 * 2 if lines else 0
    (folder / "features.f16").write_bytes(frames[: data.draw(st.integers(end, len(frames)))])
    whole, marks = Pack(own_cache / "features"), {e.key: e.mark for e in read_journal(own_cache / "features")}
    with PackWriter(folder / "features") as pack:
        assert len(pack.done) == lines
        for song in whole:
            if song not in pack.done:
                pack.append(song, whole[song], marks[song])
    assert (folder / "features.index").read_bytes() == index
    assert (folder / "features.f16").read_bytes() == frames


def command(table: Path, cache: Path, jobs: int = 1) -> list[str]:
    call = ["--dataset", "csv", "--annotations", str(table), "--cache", str(cache), "--jobs", str(jobs)]
    return [sys.executable, "-m", "train.prepare", *call]


def test_killed_it_goes_on(own_cache: Path, own_table: Path, tmp_path: Path) -> None:
    watched = tmp_path / "features.index"
    process = subprocess.Popen(command(own_table, tmp_path), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and (not watched.is_file() or watched.read_bytes().count(b"\n") < 5):
        time.sleep(0.01)  # the file is what there is to watch
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(FeatureError, match="half-written"):
        Features.open(tmp_path)
    assert own_songs.prepared(own_table, tmp_path) == 0
    assert contents(tmp_path) == contents(own_cache)


@pytest.mark.parametrize("room", [100, 400, 200_000])
def test_a_full_disk_is_one_line_and_no_loss(
    own_cache: Path, own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], room: int
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # as a full disk: a write past it fails
    try:
        assert own_songs.prepared(own_table, tmp_path) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert one_line(capsys).endswith("File too large; the same command continues")
    assert own_songs.prepared(own_table, tmp_path) == 0
    assert contents(tmp_path) == contents(own_cache)


GATE = """
import os
import av

_open = av.open

def open_when_let(source, *more, **others):
    if str(source).endswith(os.environ["SLOW"]):
        open(os.environ["GATE"]).read()  # a named pipe: until the test closes it
    return _open(source, *more, **others)

av.open = open_when_let
"""
"""A slow disk, for every process of a command: one song is read only when the test lets it."""


def test_ctrl_c_is_one_line_from_all_its_processes(own_cache: Path, own_table: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(GATE)
    os.mkfifo(gate := tmp_path / "gate")
    slow = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "GATE": str(gate), "SLOW": f"s{own_songs.COUNT - 1}.wav"}
    process = subprocess.Popen(
        command(own_table, cache := tmp_path / "cache", jobs=2),
        env={**os.environ, **slow},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- under nohup too
    )
    with gate.open("w"):  # waits until the slow song is asked for
        os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "train.prepare: interrupted; the same command continues" in err
    assert "Traceback" not in err
    assert own_songs.prepared(own_table, cache) == 0
    assert contents(cache) == contents(own_cache)
