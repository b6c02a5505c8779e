"""MagnaTagATune's two files, in the published layout: tags, artists, the usual split by folder."""

from collections import Counter
from pathlib import Path

import pytest

from tests.train.datasets.annotated import MTT_TAGS, mtt_folder
from train.data.table import AnnotationError
from train.datasets import magnatagatune


def test_tags_artists_and_the_split_by_folder(tmp_path: Path) -> None:
    manifest = magnatagatune.read(mtt_folder(tmp_path))
    assert manifest.labels == MTT_TAGS
    assert manifest.counts() == {"no voice": 14, "guitar": 7, "slow": 5, "weird": 3}
    assert Counter(entry.split for entry in manifest.entries) == {"train": 12, "validation": 1, "test": 3}
    song = manifest.entries[5]
    assert (song.id, song.artist, song.metadata["title"]) == ("7", "Artist 2", "Title 5")
    assert song.path == Path("5/artist2-title-01-59-88.mp3")


def test_clips_without_a_tag_are_kept_on_demand_only(tmp_path: Path) -> None:
    manifest = magnatagatune.read(mtt_folder(tmp_path))
    top = manifest.top(2)
    assert top == ("no voice", "guitar")
    assert len(manifest.select(top)) == 14
    assert len(manifest.select(top, keep_all=True)) == 16


def test_without_the_clips_file_artists_are_unknown(tmp_path: Path) -> None:
    (mtt_folder(tmp_path) / "clip_info_final.csv").unlink()
    assert {entry.artist for entry in magnatagatune.read(tmp_path).entries} == {None}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"clip_id"', '"clip"', "lacks the column clip_id"),
        ('"7"\t', '"6"\t', "line 7: clip_id 6 is in line 6, too"),
        ('"7"\t"1"', '"7"\t"0.5"', "line 7: no voice is '0.5': there are 0 and 1"),
        ('"5/artist', '"z/artist', "line 7: mp3_path is 'z/artist2"),
        ('"guitar"', '"slow"', "the column 'slow' more than once"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = mtt_folder(tmp_path) / "annotations_final.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(AnnotationError, match=r"\A.*\Z") as caught:
        magnatagatune.read(tmp_path)
    assert message in str(caught.value)


def test_the_file_of_clips_is_not_that_of_tags(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"annotations_final\.csv is needed"):
        magnatagatune.read(mtt_folder(tmp_path) / "clip_info_final.csv")
