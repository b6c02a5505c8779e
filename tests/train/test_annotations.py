"""``python -m train.prepare --dataset``: what it prints, what it says, and what it needs not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.datasets.annotated import csv_file, mtg_folder, mtt_folder
from train import prepare
from train.data import manifest

CSV = "path,artist,happy,sad\n" + "".join(
    f"{i}.mp3,{'Björk' if i < 5 else 'Bjork' if i < 10 else f'a{i}'},{i % 2},{1 - i % 2}\n" for i in range(40)
)


def run(*arguments: object) -> int:
    return prepare.main([str(argument) for argument in arguments])


def test_a_dry_run_says_all_there_is_to_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dataset", "mtg-jamendo", "--annotations", mtg_folder(tmp_path), "--tags", "happy,sad",
               "--split", "given", "--dry-run") == 0  # fmt: skip
    out = capsys.readouterr().out
    assert "mtg-jamendo: 39 songs, 2 labels" in out
    assert "happy  29" in out
    assert "artists: 10, known for 39 songs; 39 songs (100.0%) are by the top 10" in out
    assert "years: unknown" in out
    assert "split as the data set gives it: 24 train, 8 validation, 7 test" in out
    assert "0 of 2 test artists are heard in training" in out


def test_a_dry_run_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dataset", "magnatagatune", "--annotations", mtt_folder(tmp_path), "--top-k", "2", "--keep-all",
               "--split", "random", "--seed", "4", "--dry-run", "--json") == 0  # fmt: skip
    survey = json.loads(capsys.readouterr().out)
    assert (survey["songs"], survey["labels"]) == (16, ["no voice", "guitar"])
    assert survey["label_songs"] == {"no voice": 14, "guitar": 7}
    assert (survey["split"]["how"], survey["split"]["seed"]) == ("random", 4)


def test_neither_torch_nor_audio_is_needed(tmp_path: Path) -> None:
    program = "import sys; from train.prepare import main; code = main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    call = ["--dataset", "mtg-jamendo", "--annotations", str(mtg_folder(tmp_path)), "--tags", "happy,sad", "--dry-run"]
    subprocess.run([sys.executable, "-c", program, *call], check=True, capture_output=True)


def test_a_manifest_is_written_with_its_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "manifest.csv"
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, CSV), "--manifest", target) == 0
    written = manifest.read(target)
    assert len(written) == 40
    assert {entry.split for entry in written.entries} == {"train", "validation", "test"}


def test_a_manifest_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "nowhere" / "manifest.csv"
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, CSV), "--manifest", target) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("No such file or directory")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "manifest.csv"
    run("--dataset", "csv", "--annotations", csv_file(tmp_path, CSV), "--manifest", target, "--dry-run")
    assert not target.exists()


def test_an_artist_spelt_two_ways_is_said_and_not_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, CSV), "--dry-run", "--json") == 0
    captured = capsys.readouterr()
    assert "note: an artist spelt differently, taken as different: 'Bjork', 'Björk'" in captured.err
    survey = json.loads(captured.out)
    assert survey["artists"]["count"] == 32
    assert any("Bjork" in remark for remark in survey["remarks"])


@pytest.mark.parametrize("artist", [None, "Ann"])
def test_a_path_and_a_mood_are_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str], artist: str | None) -> None:
    column, value = (",artist", f",{artist}") if artist else ("", "")
    table = f"path,happy{column}\n" + "".join(f"{i}.mp3,{i % 2}{value}\n" for i in range(20))
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, table), "--dry-run") == 0
    captured = capsys.readouterr()
    assert "split by song at random, seed 0: 16 train, 2 validation, 2 test" in captured.out
    assert "note: too few artists are known for a split by artist: by song at random" in captured.err


def test_metadata_without_labels_is_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = "path,artist,language\n" + "".join(f"{i}.mp3,a{i % 5},{'de' if i % 3 else 'en'}\n" for i in range(20))
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, table), "--split", "random", "--dry-run") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("songs: 20 songs, 0 labels\nartists: 5, known for 20 songs")
    assert "note: no labels: only metadata can be learnt (artist, language)" in captured.err
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, table), "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["labels"] == []


def test_a_label_that_no_test_song_has_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "path,split,happy,sad\na,train,1,1\nb,validation,1,1\nc,test,1,0\n"
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, text), "--dry-run") == 0
    assert "note: no test song has sad" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (CSV.replace("happy", "glum"), ["--tags", "happy"], "has no label 'happy'"),
        (CSV, ["--tags", ","], "names no label"),
        (CSV, ["--top-k", "3"], "there are no 3 most frequent"),
        (CSV, ["--split", "given"], "comes without a split"),
        ("path,split,happy\na,train,1\nb,train,1\n", [], "no song of songs is in the split validation"),
        ("path,split,happy,sad\na,train,1,0\nb,validation,1,1\n", [], "no training song of songs has the label 'sad'"),
        ("path,happy\na,1\nb,1\n", [], "no song of songs is in the split"),
        ("path,happy\na,1\nb,1\nc,1\n", ["--split", "artist"], "too few artists"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], message: str
) -> None:
    assert run("--dataset", "csv", "--annotations", csv_file(tmp_path, text), "--dry-run", *options) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("train.prepare: ")
    assert message in line
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--music", "x", "--dataset", "4q"],
        ["--music", "x", "--dry-run"],
        ["--dataset", "4q", "--dry-run"],
        ["--dataset", "4q", "--annotations", "x", "--shard", "3/2"],
        ["--dataset", "4q", "--annotations", "x", "--split", "random", "--seed", "-1"],
        ["--dataset", "4q", "--annotations", "x", "--jobs", "0"],
        ["--music", "x", "--jobs", "-1"],
        ["--dataset", "5q", "--annotations", "x", "--dry-run"],
        ["--dataset", "4q", "--annotations", "x", "--dry-run", "--top-k", "3", "--tags", "a"],
    ],
)
def test_a_wrong_call_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        prepare.main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_one_file_in_two_splits_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        "id,path,split,happy",
        "a,1.mp3,train,1",
        "b,./1.mp3,test,1",
        "c,2.mp3,validation,1",
        "d,2.mp3,validation,0",
    ]
    table = tmp_path / "songs.csv"
    table.write_text("\n".join([*rows, "e,3.mp3,train,0", ""]))
    assert run("--dataset", "csv", "--annotations", table, "--dry-run") == 0
    said = "note: 1 file is in more than one split, such as that of a (train) and b (test): give such songs one group"
    assert said in capsys.readouterr().err
    table.write_text("\n".join([*rows, "e,3.mp3,train,0", ""]).replace("./1.mp3", "4.mp3"))
    assert run("--dataset", "csv", "--annotations", table, "--dry-run") == 0
    assert "more than one split" not in capsys.readouterr().err


def test_a_file_of_tags_that_is_not_there_is_no_tag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = mtg_folder(tmp_path)
    assert run("--dataset", "mtg-jamendo", "--annotations", folder, "--tags", "moodtheme_split.txt", "--dry-run") == 1
    assert "--tags moodtheme_split.txt: no such file (MTG-Jamendo's lie in its data/tags)" in capsys.readouterr().err
