"""The papers' comparisons as commands: their tables, the published rows beside them, and no cell run twice."""

import json
import math
import shutil
from pathlib import Path

import pytest

from tests.train import own_songs
from train import experiment
from train.experiments import cell as cells
from train.experiments.summary import Estimate
from train.learn.corpus import Corpus

SMALL = own_songs.changes("epochs=1")


def run(name: str, cache: Path, output: Path, *more: str, changes: list[str] = SMALL) -> int:
    return experiment.main([name, "--cache", str(cache), "--output", str(output), *changes, *more])


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the cells that were trained, in order."""
    folders: list[str] = []
    fit = cells.fit

    def counted(configuration: object, material: object, folder: Path, seed: int, **more: object) -> object:
        folders.append("/".join(folder.parts[-3:]))
        return fit(configuration, material, folder, seed, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(cells, "fit", counted)
    return folders


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    (line,) = (line for line in captured.err.splitlines() if line.startswith("train."))
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return line


def test_table_1_resumes_and_is_written(
    own_cache: Path, tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    call = ("table1", own_cache, tmp_path, "--seeds", "0", "1", "--split", "given", "--json")
    tested = cells._tested

    def killed(*arguments: object) -> object:
        if len(trained) == 3:
            raise KeyboardInterrupt
        return tested(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(cells, "_tested", killed)
        assert run(*call) == 130
    assert "interrupted; the same command continues" in one_line(capsys)
    assert run(*call) == 0
    assert trained == [
        "given/baseline/seed0", "given/multi-task I/seed0", "given/multi-task II/seed0", "given/multi-task II/seed0",
        "given/baseline/seed1", "given/multi-task I/seed1", "given/multi-task II/seed1",
    ]  # fmt: skip
    first = capsys.readouterr().out
    assert run(*call) == 0
    assert len(trained) == 7
    assert capsys.readouterr().out == first
    table = json.loads(first, parse_constant=pytest.fail)
    assert [row["system"] for row in table["rows"]] == ["baseline", "multi-task I", "multi-task II"]
    for row in table["rows"][1:]:
        ours, base = (r["figures"]["PR-AUC-macro"]["values"] for r in (row, table["rows"][0]))
        differences = [one - other for one, other in zip(ours, base, strict=True)]
        assert row["differences"]["PR-AUC-macro"]["values"] == pytest.approx(differences)
    assert {round(row["figures"]["PR-AUC-macro"], 4) for row in table["published"]} >= {0.7127, 0.4847}
    assert json.loads((tmp_path / "table.json").read_text()) == table
    text = (tmp_path / "table.md").read_text()
    assert "| published | multi-task II: internal, 3 moods, 22015 songs | 0.7600 | 0.4847 |" in text
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")


def test_mediaeval_is_against_popularity_on_the_songs_that_both_can_score(
    own_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    assert own_songs.prepared(own_table, cache, "--frontend", "mtg-jamendo") == 0
    capsys.readouterr()
    changes = ["network.segments=1", "network.width=8", "groups=[{songs: 2}]", "epochs=1", "batches_per_song=0.2"]
    changes = [part for change in changes for part in ("--set", change)]
    # A window is 256 frames, 5.46 s: only the ones made longer would do, and all songs here are shorter.
    assert run("mediaeval", cache, tmp_path / "out", "--seeds", "0", changes=changes) == 1
    assert "is as long as a window (256 frames)" in one_line(capsys)
    own_songs.make(tmp_path / "songs", seconds=5.0)
    shutil.rmtree(cache)
    assert own_songs.prepared(tmp_path / "songs/songs.csv", cache, "--frontend", "mtg-jamendo") == 0
    capsys.readouterr()
    assert run("mediaeval", cache, tmp_path / "out", "--seeds", "0", "--json", changes=changes) == 0
    captured = capsys.readouterr()
    assert "note: 5 of 12 songs are left out: shorter than a window (256 frames)" in captured.err
    table = json.loads(captured.out, parse_constant=pytest.fail)
    assert [row["system"] for row in table["rows"]] == ["popularity", "UAI-CNRL"]
    assert len({row["songs"] for row in table["rows"]}) == 1
    assert [row["system"] for row in table["published"]] == ["UAI-CNRL", "VGG-ish", "popularity"]
    assert table["published"][0]["figures"]["F-score-micro"] == 0.1735
    short = "5 of 12 songs are left out: shorter than a window (256 frames)"
    assert short in table["remarks"]
    assert f"- {short}\n" in (tmp_path / "out/table.md").read_text()


@pytest.mark.parametrize("language", [True, False])
def test_artists_and_languages_or_genres(
    own_cache: Path, tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str], language: bool
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    if not language:
        text = (cache / "manifest.csv").read_text()
        (cache / "manifest.csv").write_text(text.replace("language", "genre", 1))
    assert run("artist-language", cache, tmp_path / "out", "--seeds", "3") == 0
    out = capsys.readouterr().out
    assert language != ("with genres in place of languages, which this data set lacks" in out)
    second = "language" if language else "genre"
    systems = [
        "artist alone",
        f"artist and {second}, by artist",
        f"{second} alone",
        f"artist and {second}, by {second}",
    ]
    table = json.loads((tmp_path / "out/table.json").read_text())
    assert [(row["system"], row["against"]) for row in table["rows"]] == [
        (systems[0], None), (systems[1], systems[0]), (systems[2], None), (systems[3], systems[2])
    ]  # fmt: skip
    assert trained == [f"random/{name}/seed3" for name in ("artist alone", f"artist and {second}", f"{second} alone")]
    tested = cells.read_tested(tmp_path / "out" / trained[1] / f"test-{second}.npz")
    assert sorted(tested.labels) == ["de", "en"]
    assert all(f"| random | {system} | " in out for system in systems)
    # One song of the random split's test has one of the artists.
    assert f"- split random ({systems[0]}; {systems[1]}): " in out
    assert "labels have no test song: left out of the macro figures" in out


def test_artists_that_nobody_heard_cannot_be_recognised(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("artist-language", own_cache, tmp_path / "out", "--split", "artist") == 1
    assert "--split artist makes no sense here: random or given does" in one_line(capsys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["epochs=none"], "epochs is 'none'"),
        (["netwrok.channels=[1]"], "did you mean network?"),
        (["network.kind=none"], "network.kind must be one of"),
        (["network.channels=[2,2,2,2,-2]"], "network: "),
    ],
)
def test_a_wrong_change_is_said_and_blocks_nothing(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], message: str
) -> None:
    given = [*SMALL, *(part for change in changes for part in ("--set", change))]
    call = ("table1", own_cache, tmp_path / "out", "--seeds", "0", "--split", "given")
    assert run(*call, changes=given) == 1
    assert message in one_line(capsys)
    if message == "network: ":
        assert run(*call) == 0


def test_a_comment_in_a_preset_is_no_other_configuration(own_cache: Path, tmp_path: Path, trained: list[str]) -> None:
    preset, changes = tmp_path / "mine.yaml", tuple(SMALL[1::2])
    preset.write_text(Path("config/train/baseline.yaml").read_text())
    cell = cells.Cell("mine", preset, changes, how="given", seed=0)
    first = cells.run_cell(cell, Corpus.open(own_cache), tmp_path)
    preset.write_text("# As the paper has it.\n" + preset.read_text())
    assert (cells.run_cell(cell, Corpus.open(own_cache), tmp_path).scores == first.scores).all()
    assert len(trained) == 1


def test_another_configuration_or_other_songs_in_the_folder_are_refused(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ("table1", own_cache, tmp_path / "out", "--seeds", "0", "--split", "given")
    assert run(*call) == 0
    capsys.readouterr()
    assert run(*call, changes=[*SMALL, "--set", "stretch=0.1"]) == 1
    assert "holds a run of another configuration: remove it or take another --output" in one_line(capsys)
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    text = (cache / "manifest.csv").read_text()
    (cache / "manifest.csv").write_text(text.replace("artist 1", "artist 7"))
    assert run("table1", cache, *call[2:]) == 1
    assert "holds a run of other songs or labels" in one_line(capsys)
    damaged = tmp_path / "out/given/baseline/seed0/test.npz"
    damaged.write_bytes(damaged.read_bytes()[:99])
    assert run(*call) == 1
    assert "test.npz is damaged" in one_line(capsys)


def test_a_test_of_nobody_that_training_heard_is_said_before_anything_is_trained(
    own_cache: Path, tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    lines = [line.replace("artist ", "nobody ") if ",test," in line else line
             for line in (cache / "manifest.csv").read_text().splitlines()]  # fmt: skip
    (cache / "manifest.csv").write_text("\n".join([*lines, ""]))
    assert run("artist-language", cache, tmp_path / "out", "--split", "given") == 1
    said = (
        "no test song of songs says its artist, or none that training knows (--split given, seed 0): there is nothing"
    )
    assert said in one_line(capsys)
    assert trained == []


def test_a_given_split_without_test_songs_is_one_line(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    text = (cache / "manifest.csv").read_text()
    (cache / "manifest.csv").write_text(text.replace(",test,", ",train,"))
    assert run("table1", cache, tmp_path / "out", "--split", "given") == 1
    assert "no song of songs is in the split test (--split given)" in one_line(capsys)


def test_an_interval_is_students() -> None:
    estimate = Estimate.of([1.0, 2.0, 3.0])
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx(
        (2.0, 2 - 4.30265 / math.sqrt(3), 2 + 4.30265 / math.sqrt(3)), rel=1e-5
    )
    assert math.isnan(Estimate.of([1.0]).low)
