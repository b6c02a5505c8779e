"""A manifest keeps labels, ratings, tags and metadata apart, knows what is missing, and survives being written."""

from pathlib import Path

import numpy as np
import pytest

from tests.train.datasets.annotated import CSV, csv_file
from train.data import manifest as manifests
from train.data.table import AnnotationError
from train.datasets.catalogue import read_manifest

NAN = np.nan


def test_a_users_own_table(tmp_path: Path) -> None:
    manifest = manifests.read(csv_file(tmp_path))
    assert manifest.dataset == "songs"
    assert manifest.labels == ("happy", "valence", "bright", "loud")
    assert manifest.ratings == {"valence"}
    expected = [[1, 1, 1, 1], [0.25, 0, 1, 0], [1, 0.5, 0, 1], [NAN, NAN, NAN, NAN]]
    np.testing.assert_array_equal(manifest.rates, np.array(expected, np.float32))
    assert manifest.counts() == {"happy": 2, "valence": 2, "bright": 2, "loud": 2}
    assert [entry.id for entry in manifest.entries] == ["a.mp3", "b.mp3", "c.mp3", "d.mp3"]


def test_what_is_unknown_stays_unknown(tmp_path: Path) -> None:
    entries = manifests.read(csv_file(tmp_path)).entries
    assert [entry.artist for entry in entries] == ["Ann", "Ann", "Béla", None]
    assert [entry.year for entry in entries] == [1999, 2004, None, 2021]
    assert entries[0].metadata == {"artist": "Ann", "year": "1999", "label": "X"}
    assert "label" not in entries[1].metadata


def test_writing_and_reading_gives_the_same(tmp_path: Path) -> None:
    manifest = manifests.read(csv_file(tmp_path))
    manifests.write(manifest, tmp_path / "written.csv")
    again = manifests.read(tmp_path / "written.csv")
    assert again.entries == manifest.entries
    assert (again.labels, again.ratings) == (manifest.labels, manifest.ratings)
    np.testing.assert_array_equal(again.rates, manifest.rates)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_metadata_alone_will_do(tmp_path: Path, suffix: str) -> None:
    manifest = manifests.read(csv_file(tmp_path, "path,artist,language\na.mp3,Ann,de\nb.mp3,,en\n"))
    assert (manifest.labels, manifest.rates.shape) == ((), (2, 0))
    manifests.write(manifest, tmp_path / f"written{suffix}")
    assert manifests.read(tmp_path / f"written{suffix}").entries == manifest.entries
    with pytest.raises(AnnotationError, match="songs has 0 labels: there are no 1 most frequent"):
        manifest.top(1)


@pytest.mark.parametrize(("column", "rate"), [("joy[-1..1]", 0.75), ("joy[0.0..10.0]", 0.05), ("joy[-3.5..4.5]", 0.5)])
def test_scales_may_have_signs_and_fractions(tmp_path: Path, column: str, rate: float) -> None:
    manifest = manifests.read(csv_file(tmp_path, f"path,{column}\na.mp3,0.5\n"))
    assert (manifest.labels, manifest.ratings) == (("joy",), {"joy"})
    assert manifest.rates[0, 0] == pytest.approx(rate)


def test_columns_may_be_in_any_order(tmp_path: Path) -> None:
    rows = [line.split(",") for line in CSV.splitlines()]
    turned = csv_file(tmp_path, "\n".join(",".join(row[::-1]) for row in rows))
    manifest = manifests.read(turned)
    assert manifest.counts() == {"happy": 2, "valence": 2, "bright": 2, "loud": 2}
    assert manifest.entries[2].artist == "Béla"


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text("id,path,happy\n1,a.mp3,1\n", encoding="utf-8-sig")
    assert manifests.read(path).entries[0].id == "1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,happy\n1,1\n", "lacks the column path"),
        ("id;path;happy\n1;a;1\n", "it has the column id;path;happy"),
        ("id,path,happy\n1,a,1\n1,b,1\n", "line 3: id 1 is in line 2, too"),
        ("id,path,happy\n1,a,1.5\n", "line 2: happy is 1.5, which is outside 0…1"),
        ("id,path,happy\n1,a,-0.1\n", "outside 0…1"),
        ("id,path,happy\n1,a,nan\n", "outside 0…1"),
        ("id,path,composer\n1,a,Bach\n", "name the column meta:composer"),
        ("id,path,joy[1..5]\n1,a,6\n", "line 2: joy[1..5] is 6, which is outside 1…5"),
        ("id,path,joy[5..1]\n1,a,3\n", "the scale of 'joy[5..1]' is empty"),
        ("id,path,joy[1.2.3..5]\n1,a,3\n", "the scale of 'joy[1.2.3..5]' is not that of a rating, such as joy[1..5]"),
        ("id,path,joy[1..2..3]\n1,a,3\n", "the scale of 'joy[1..2..3]' is not"),
        ("id,path,joy[.5..]\n1,a,3\n", "the scale of 'joy[.5..]' is not"),
        ("id,path,[1..5]\n1,a,3\n", "the scale of '[1..5]' is not"),
        ("id,path,tags\n1,a,joy[1..2..3]\n", "a tag cannot be called 'joy[1..2..3]'"),
        ("id,path,split,happy\n1,a,dev,1\n", "split is 'dev': there are train, validation, test"),
        ("id,path,year,happy\n1,a,20150,1\n", "year is 20150, which is outside"),
        ("id,path,year,happy\n1,a,1999.5,1\n", "no whole number"),
        ("id,path,happy\n,a,1\n", "line 2: id is empty"),
        ("id,path,happy\n1,,1\n", "line 2: path is empty"),
        ("id,path,happy\n1,a\0b,1\n", "line 2: there is a zero byte"),
        ("id,path,happy\n1,a\n", "line 2: 2 fields, but the header has 3"),
        ("id,path,happy,happy\n1,a,1,1\n", "the column 'happy' more than once"),
        ("id,path,happy,tags\n1,a,1,happy\n", "'happy' is both a column and a tag"),
        ("id,path\n1,a\n", "has no labels"),
        ("id,path,artist\n1,a,\n", "has no labels"),
        ("id,path,\n1,a,1\n", "a column without a name"),
        ("id,path,happy\n", "holds no songs"),
        ("TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n1\t1\t1\t1\t1\t1", "--dataset mtg-jamendo"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = csv_file(tmp_path, text)
    with pytest.raises(AnnotationError, match=r"\A.*\Z") as caught:
        manifests.read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_bytes(b"id,path,happy\n\xff\xfe,a,1\n")
    with pytest.raises(AnnotationError, match="is no UTF-8 text"):
        manifests.read(path)


def test_selecting_a_label_that_is_not_there(tmp_path: Path) -> None:
    manifest = manifests.read(csv_file(tmp_path))
    with pytest.raises(AnnotationError, match="songs has no label 'glad'"):
        manifest.select(["happy", "glad"])
    with pytest.raises(AnnotationError, match="has 4 labels: there are no 5"):
        manifest.top(5)


@pytest.mark.parametrize(
    ("dataset", "labels", "songs"), [("4q", 4, 12), ("emotify", 8, 8), ("musifeast17", 2, 6), ("incompetech", 2, 4)]
)
def test_every_table_of_a_music_folder_is_a_manifest(
    small_music_folder: Path, dataset: str, labels: int, songs: int
) -> None:
    manifest = read_manifest(dataset, small_music_folder)
    assert (len(manifest.labels), len(manifest)) == (labels, songs)
    assert all((small_music_folder / entry.path).is_file() for entry in manifest.entries)
    assert {entry.split for entry in manifest.entries} == {"train", "validation"}


def test_emotions_are_rates_and_ratings_are_scaled(small_music_folder: Path) -> None:
    emotify = read_manifest("emotify", small_music_folder)
    assert set(np.unique(emotify.rates)) == {np.float32(0.1), np.float32(0.6)}
    assert emotify.entries[2].year == 1996
    ratings = read_manifest("musifeast17", small_music_folder)
    np.testing.assert_allclose(ratings.rates[0], [0.25, 0.75])


@pytest.mark.parametrize(
    ("dataset", "old", "new", "message"),
    [
        ("4q", "Q1", "Q5", "quadrant is 'Q5'"),
        ("4q", "quadrant", "square", "lacks the column quadrant"),
        ("emotify", ",0.6,", ",6,", "which is outside 0…1"),
        ("musifeast17", "valence_sd", "valence", "the column 'valence' more than once"),
        ("incompetech", "feel", "mood", "lacks the column feel"),
    ],
)
def test_a_damaged_table_of_a_music_folder_is_one_line(
    small_music_folder: Path, tmp_path: Path, dataset: str, old: str, new: str, message: str
) -> None:
    text = (small_music_folder / f"{dataset}.csv").read_text()
    (tmp_path / f"{dataset}.csv").write_text(text.replace(old, new))
    with pytest.raises(AnnotationError, match=r"\A.*\Z") as caught:
        read_manifest(dataset, tmp_path)
    assert message in str(caught.value)
