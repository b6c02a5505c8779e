"""What the tests of training share."""

import os
from pathlib import Path

import pytest

from tests.train import own_songs, small_music
from train import prepare


@pytest.fixture(scope="session")
def small_music_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four tiny data sets; nobody may change it."""
    return small_music.make(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="session")
def small_cache(small_music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared tiny data sets, with one degraded version; nobody may change it."""
    cache = tmp_path_factory.mktemp("cache")
    usable, skipped = prepare.prepare(small_music_folder, cache, versions=1, negatives=0, jobs=1)
    assert (usable, skipped) == (30, {})
    return cache


@pytest.fixture(scope="session")
def own_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's table with its songs beside it; nobody may change them."""
    return own_songs.make(tmp_path_factory.mktemp("own") / "songs")


@pytest.fixture(scope="session")
def own_cache(own_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of the user's songs; nobody may change them."""
    cache = tmp_path_factory.mktemp("own_cache")
    assert own_songs.prepared(own_table, cache) == 0
    return cache


@pytest.fixture(scope="session")
def mtg() -> Path:
    """The folder of MTG-Jamendo's published annotations; without it the test is skipped, and says so."""
    folder = os.environ.get("MOODSTREAM_TEST_MTG")
    if not folder:
        pytest.skip("MTG-Jamendo's annotations are needed: set MOODSTREAM_TEST_MTG to a folder that holds them")
    if not Path(folder).is_dir():
        pytest.fail(f"MOODSTREAM_TEST_MTG is no folder: {folder}")
    return Path(folder)
