"""MTG-Jamendo's annotations: the papers' counts on the published files, tags, artists and the official split."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.train.datasets.annotated import HEADER, mtg_folder, mtg_line
from train import prepare
from train.data.table import AnnotationError
from train.datasets import mtg_jamendo


@pytest.mark.parametrize(("k", "songs"), [(3, 4346), (9, 10041), (50, 17946)])
def test_the_counts_of_the_paper(mtg: Path, capsys: pytest.CaptureFixture[str], k: int, songs: int) -> None:
    call = ["--dataset", "mtg-jamendo", "--annotations", str(mtg), "--top-k", str(k), "--dry-run", "--json"]
    assert prepare.main(call) == 0
    survey = json.loads(capsys.readouterr().out)
    assert survey["songs"] == songs
    assert len(survey["labels"]) == k
    assert survey["labels"][:3] == ["happy", "film", "energetic"]
    assert survey["artists"]["songs"] == songs
    split = survey["split"]
    assert split["train"] + split["validation"] + split["test"] == songs
    assert (split["how"], split["test_artists_heard_in_training"]) == ("artist", 0)


def test_the_mediaeval_task(mtg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["--dataset", "mtg-jamendo", "--annotations", str(mtg), "--tags", str(mtg / "moodtheme_split.txt"),
            "--split", "given", "--dry-run", "--json"]  # fmt: skip
    assert prepare.main(call) == 0
    survey = json.loads(capsys.readouterr().out)
    assert len(survey["labels"]) == 56
    split = survey["split"]
    assert (split["train"], split["validation"], split["test"]) == (9949, 3802, 4231)
    assert split["test_artists_heard_in_training"] == 0


def test_trailing_tags_artists_and_paths(tmp_path: Path) -> None:
    manifest = mtg_jamendo.read(mtg_folder(tmp_path))
    assert manifest.counts() == {"calm": 1, "film": 10, "happy": 29, "rare": 1, "sad": 19}
    assert manifest.top(3) == ("happy", "sad", "film")
    song = manifest.entries[12]
    assert (song.id, song.artist, song.path, song.year) == ("track_0000012", "artist_000002", Path("12/12.mp3"), None)


def test_of_equally_frequent_tags_the_first_in_the_alphabet_is_taken(tmp_path: Path) -> None:
    manifest = mtg_jamendo.read(mtg_folder(tmp_path))
    assert manifest.top(4)[-1] == "calm"


def test_the_validation_part_is_what_the_others_leave_of_their_tags(tmp_path: Path) -> None:
    manifest = mtg_jamendo.read(mtg_folder(tmp_path))
    assert Counter(entry.split for entry in manifest.entries) == {"train": 24, "validation": 8, "test": 7, None: 1}


def test_the_file_alone_will_do(tmp_path: Path) -> None:
    assert len(mtg_jamendo.read(mtg_folder(tmp_path) / "autotagging_moodtheme.tsv")) == 40


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n".join([HEADER.replace("ARTIST_ID\t", ""), "x"]), "lacks the column ARTIST_ID"),
        ("\n".join([HEADER.replace("DURATION\tTAGS", "TAGS\tDURATION"), mtg_line(1, 1, "happy")]), "TAGS must be the"),
        ("\n".join([HEADER, mtg_line(1, 1, "happy"), mtg_line(1, 2, "sad")]), "line 3: TRACK_ID track_0000001 is in"),
        ("\n".join([HEADER, mtg_line(1, 1, "happy").replace("mood/theme", "genre")]), "'genre---happy' is no mood"),
        ("\n".join([HEADER, mtg_line(1, 1, "")]), "there are no tags"),
        ("\n".join([HEADER, "track_1\tartist_1"]), "line 2: 2 fields, but the header has 6"),
        (HEADER, "holds no songs"),
        ("", "has no header"),
        ('"clip_id"\t"guitar"\t"mp3_path"\n', "another data set: --dataset magnatagatune"),
        ("id,file,artist,quadrant,moods,genres,split\n", "another data set: --dataset 4q"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "autotagging_moodtheme.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"\A.*\Z") as caught:
        mtg_jamendo.read(tmp_path)
    assert message in str(caught.value)
    assert "autotagging_moodtheme.tsv" in str(caught.value)


def test_columns_before_the_tags_may_be_in_any_order(tmp_path: Path) -> None:
    lines = (mtg_folder(tmp_path) / "autotagging_moodtheme.tsv").read_text().splitlines()
    swapped = ["\t".join([b, a, *rest]) for a, b, *rest in (line.split("\t") for line in lines)]
    (tmp_path / "swapped.tsv").write_text("\n".join(swapped))
    manifest = mtg_jamendo.read(tmp_path / "swapped.tsv")
    assert manifest.entries[3].artist == "artist_000003"


def test_a_track_in_two_splits_is_an_error(tmp_path: Path) -> None:
    folder = mtg_folder(tmp_path)
    with (folder / "split-0-test.tsv").open("a") as file:
        file.write(mtg_line(0, 0, "happy") + "\n")
    with pytest.raises(AnnotationError, match="track_0000000 is in the split train, too"):
        mtg_jamendo.read(folder)


def test_a_split_of_other_tracks_is_an_error(tmp_path: Path) -> None:
    folder = mtg_folder(tmp_path)
    with (folder / "split-0-test.tsv").open("a") as file:
        file.write(mtg_line(999, 0, "happy") + "\n")
    with pytest.raises(AnnotationError, match=r"track_0000999 is not in autotagging_moodtheme\.tsv"):
        mtg_jamendo.read(folder)


def test_a_folder_without_the_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"holds no autotagging_moodtheme\.tsv"):
        mtg_jamendo.read(tmp_path)
    with pytest.raises(AnnotationError, match="no such annotation file or folder"):
        mtg_jamendo.read(tmp_path / "nowhere")
