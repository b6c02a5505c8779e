from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream.common.errors import StreamError
from stream.sources.files import expand_paths, stream_names


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
