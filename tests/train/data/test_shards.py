"""What of a data set is prepared is never mistaken, whatever was skipped, shared or interrupted before."""

import json
import resource
import shutil
from pathlib import Path

import pytest

from tests.train import own_songs, small_music
from train.common.lock import locked
from train.data.audio import located
from train.data.features import FeatureError, Features, PackWriter
from train.learn.corpus import Corpus


def nothing(table: Path, cache: Path) -> None:
    """Prepare where there is no audio: every song is skipped."""
    empty = cache.parent / "empty"
    empty.mkdir()
    assert own_songs.prepared(table, cache, "--audio", str(empty)) == 1
    assert len(Features.open(cache).skipped) == own_songs.COUNT


def test_lists_of_skipped_songs_do_not_outlive_another_sharing(own_table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    nothing(own_table, cache)
    assert own_songs.prepared(own_table, cache, "--shard", "1/2") == 0
    with pytest.raises(FeatureError, match=r"half-written: 6 of 12 songs \(such as s1.wav\)"):
        Features.open(cache)
    assert own_songs.prepared(own_table, cache, "--shard", "2/2") == 0
    assert Features.open(cache).skipped == {}


def test_a_killed_call_leaves_no_older_list(own_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    nothing(own_table, cache)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.data.extract.computed", killed)
    assert own_songs.prepared(own_table, cache) == 130
    with pytest.raises(FeatureError, match="half-written: 12 of 12 songs"):
        Features.open(cache)


def test_two_that_prepare_one_shard_are_one_too_many(
    own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    assert own_songs.prepared(own_table, cache, "--shard", "1/2") == 0
    with locked(cache / ".features-2of2.lock", "this test"):
        assert own_songs.prepared(own_table, cache, "--shard", "1/2") == 0
        capsys.readouterr()
        assert own_songs.prepared(own_table, cache, "--shard", "2/2") == 1
    assert "another train.prepare is at work in" in capsys.readouterr().err.splitlines()[-1]
    assert own_songs.prepared(own_table, cache, "--shard", "2/2") == 0


def test_a_refused_call_leaves_the_list(own_table: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    nothing(own_table, cache)
    before = {path.name: path.read_bytes() for path in cache.iterdir()}
    assert own_songs.prepared(own_table, cache, "--frontend", "mtg-jamendo") == 1
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == before


def test_songs_without_features_are_said_to_who_learns_from_the_rest(own_table: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(own_table.parent, tmp_path / "songs"))
    (folder / "s0.wav").unlink()
    cache = tmp_path / "cache"
    assert own_songs.prepared(folder / "songs.csv", cache) == 0
    (remark,) = Corpus.open(cache).remarks
    assert remark == f"1 of 12 songs have no features: see the lists of skipped songs in {cache}"
    small_music.write_wav(folder / "s0.wav", small_music.piece(0))
    assert own_songs.prepared(folder / "songs.csv", cache) == 0
    assert Corpus.open(cache).remarks == ()


def test_a_folder_that_does_not_say_its_shards_is_read_as_before(own_cache: Path, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    values = json.loads((cache / "features.json").read_text())
    kept = {name: values[name] for name in ("dataset", "positive_rate", "frontend")}
    (cache / "features.json").write_text(json.dumps(kept))
    assert len(Features.open(cache).manifest) == own_songs.COUNT


@pytest.mark.parametrize("how", ["artist", "random"])
def test_how_a_folder_was_split_is_what_a_run_says(own_table: Path, tmp_path: Path, how: str) -> None:
    assert own_songs.prepared(own_table, tmp_path, "--split", how, "--seed", "4") == 0
    corpus = Corpus.open(tmp_path)
    for same in (corpus, corpus.split("given", 0)):
        said = same.description()["split"]
        assert (said["how"], said["seed"]) == (how, 4)
    said = corpus.split("random", 7).description()["split"]
    assert (said["how"], said["seed"]) == ("random", 7)


def test_mtg_jamendos_smaller_files_are_found_under_the_names_of_its_table(own_table: Path, tmp_path: Path) -> None:
    for number in range(own_songs.COUNT):
        low = f"s{number}.low.wav" if number else "s0.wav"
        shutil.copy(own_table.parent / f"s{number}.wav", tmp_path / low)
    assert own_songs.prepared(own_table, tmp_path / "cache", "--audio", str(tmp_path)) == 0
    assert Features.open(tmp_path / "cache").skipped == {}
    assert located(tmp_path / "s1.wav") == tmp_path / "s1.low.wav"
    assert located(tmp_path / "s0.wav") == tmp_path / "s0.wav"
    assert located(tmp_path / "none.wav") == tmp_path / "none.wav"


@pytest.mark.parametrize("cut", [0, 7])
def test_opening_again_where_nothing_can_be_written_loses_no_song(own_cache: Path, tmp_path: Path, cut: int) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    index = cache / "features.index"
    index.write_bytes(index.read_bytes()[: len(index.read_bytes()) - cut])
    before, same_file = {path.name: path.read_bytes() for path in cache.iterdir()}, index.stat().st_ino
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # as a full disk
    try:
        if cut:
            with pytest.raises(OSError, match="File too large"):
                PackWriter(cache / "features")
        else:
            with PackWriter(cache / "features") as pack:
                assert len(pack.done) == 12
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == before
    assert index.stat().st_ino == same_file
