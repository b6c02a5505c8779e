"""A Parquet table is read by the rules of a CSV, and says the same errors."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tests.train.datasets.annotated import csv_file
from train import prepare
from train.data import manifest as manifests
from train.data.manifest import METADATA, Entry, Manifest
from train.data.table import AnnotationError

TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
LABEL = TEXT.filter(lambda name: name not in {*METADATA, "id", "path", "file", "split", "tags"} and "[" not in name)


@st.composite
def tables(draw: st.DrawFn) -> Manifest:
    labels = tuple(
        draw(st.lists(LABEL.filter(lambda n: not n.startswith("meta:")), min_size=1, max_size=3, unique=True))
    )
    ids = draw(st.lists(TEXT, min_size=1, max_size=5, unique=True))
    known = st.fixed_dictionaries({}, optional={"artist": TEXT, "year": st.integers(1000, 2100).map(str), "mine": TEXT})
    split = st.sampled_from([None, "train", "validation", "test"])
    entries = tuple(Entry(name, Path(draw(TEXT)), draw(known), draw(split)) for name in ids)
    rate = st.one_of(st.just(np.nan), st.floats(0, 1, width=32))
    rates = np.array([[draw(rate) for _ in labels] for _ in ids], np.float32)
    return Manifest("songs", entries, labels, rates, frozenset(labels[1:2]))


@given(tables())
def test_both_kinds_of_file_give_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, manifest: Manifest
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    for name in ("songs.csv", "songs.parquet"):
        manifests.write(manifest, folder / name)
        again = manifests.read(folder / name)
        assert again.entries == manifest.entries
        assert (again.labels, again.ratings) == (manifest.labels, manifest.ratings)
        np.testing.assert_array_equal(again.rates, manifest.rates)
        assert len(list(folder.iterdir())) == 1 + (name == "songs.parquet")


def table(path: Path, columns: dict[str, object]) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_other_peoples_columns_are_understood(tmp_path: Path) -> None:
    path = table(
        tmp_path / "songs.parquet",
        {
            "id": [7, 8],
            "file": pyarrow.array(["a.mp3", "b.mp3"]).dictionary_encode(),
            "year": [1999.0, None],
            "artist": ["Ann", None],
            "happy": [True, False],
            "joy[1..5]": [5, 2],
            "valence": [float("nan"), 0.25],
            "tags": [["bright", "loud"], []],
        },
    )
    manifest = manifests.read(path)
    assert [entry.id for entry in manifest.entries] == ["7", "8"]
    assert [entry.metadata for entry in manifest.entries] == [{"year": "1999", "artist": "Ann"}, {}]
    nan = np.nan
    np.testing.assert_array_equal(manifest.rates, np.array([[1, 1, nan, 1, 1], [0, 0.25, 0.25, nan, nan]], np.float32))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1], "happy": [1]}, "lacks the column path"),
        ({"id": [1, 1], "path": ["a", "b"], "happy": [1, 1]}, "row 2: id 1 is in row 1, too"),
        ({"path": ["a"], "happy": [1.5]}, "row 1: happy is 1.5, which is outside 0…1"),
        ({"path": ["a"], "composer": ["Bach"]}, "name the column meta:composer"),
        ({"path": ["a", None], "happy": [1, 1]}, "row 2: path is empty"),
        ({"path": ["a"], "split": ["dev"], "happy": [1]}, "row 1: split is 'dev'"),
        ({"path": ["a"], "happy": [b"1"]}, "the column 'happy' is of type binary"),
        ({"path": ["a"], "happy": [{"x": 1}]}, "the column 'happy' is of type struct"),
        ({"path": [], "happy": []}, "holds no songs"),
        ({"quadrant": ["Q1"], "moods": ["x"]}, "is the table of a data set: --dataset 4q"),
    ],
)
def test_the_errors_are_those_of_a_csv(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    path = table(tmp_path / "songs.parquet", columns)
    with pytest.raises(AnnotationError, match=r"\A.*\Z") as caught:
        manifests.read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_parquet_file_is_one_line(tmp_path: Path) -> None:
    whole = table(tmp_path / "songs.parquet", {"path": ["a"], "happy": [1]}).read_bytes()
    for name, content in (("text", b"path,happy\na,1\n"), ("cut", whole[:-9]), ("empty", b"")):
        (tmp_path / f"{name}.parquet").write_bytes(content)
        with pytest.raises(AnnotationError, match=rf"\A.*{name}\.parquet is no Parquet file: .*\Z"):
            manifests.read(tmp_path / f"{name}.parquet")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(AnnotationError, match="is a folder"):
        manifests.read(tmp_path / "folder.parquet")
    with pytest.raises(AnnotationError, match="no such annotation file"):
        manifests.read(tmp_path / "none.parquet")


@pytest.mark.parametrize("tag", ["year", "meta:x", "joy[0..1]", "path"])
def test_a_tag_that_would_be_read_as_a_column_is_refused(tmp_path: Path, tag: str) -> None:
    with pytest.raises(AnnotationError, match="a tag cannot be called"):
        manifests.read(csv_file(tmp_path, f"id,path,tags\n1,a,bright; {tag}\n"))


def test_a_label_and_a_rating_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="has the label 'joy' more than once"):
        manifests.read(csv_file(tmp_path, "path,joy,joy[1..5]\na,1,3\n"))


def test_a_manifest_goes_from_csv_to_parquet_and_is_split_alike(own_table: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    call = ["--dataset", "csv", "--annotations", str(own_table), "--manifest", str(target)]
    assert prepare.main(call) == 0
    assert prepare.main(["--dataset", "csv", "--annotations", str(target), "--dry-run"]) == 0
    again, first = manifests.read(target), manifests.read(own_table)
    assert again.entries == first.entries
    np.testing.assert_array_equal(again.rates, first.rates)
