"""What an exported file of one's own songs says, and what of a run it leaves out."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests.train import own_songs
from train import experiment, export, fit
from train.learn.scoring import BATCH, Windows, score_heads
from train.learn.trained import read_log

CONFIG = Path("config/train/multi_task_1.yaml")


def trained(cache: Path, folder: Path, *changes: str) -> Path:
    given = ["--config", str(CONFIG), "--cache", str(cache), "--output", str(folder)]
    assert fit.main([*given, *own_songs.changes(*changes)]) == 0
    return folder


@pytest.mark.parametrize("patience", ["9", "null"])
def test_a_file_says_its_validation_figures_and_its_split(
    own_table: Path, tmp_path: Path, patience: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, model = tmp_path / "cache", tmp_path / "mine.onnx"
    assert own_songs.prepared(own_table, cache, "--split", "random", "--seed", "3") == 0
    run = trained(cache, tmp_path / "run", f"patience={patience}", "judged=[mood, artist]")
    capsys.readouterr()
    assert export.main(["--runs", str(run), "--cache", str(cache), "--output", str(model)]) == 0
    assert "note: the head artist is left out: a file has one, and mood is the first" in capsys.readouterr().err
    properties = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    training = json.loads(properties["training"])
    assert (training["split"]["how"], training["split"]["seed"]) == ("random", 3)
    (check,) = (row for row in read_log(run / "log.csv") if int(row["step"]) == training["steps"])
    figures = {name: float(value) for name, value in check.items() if "AUC" in name and value not in ("", "nan")}
    assert training["metrics"] == {"validation": figures}
    assert any(name.startswith("mood ") for name in figures)


def test_a_run_that_may_go_on_is_exported_and_said(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--config", str(CONFIG), "--cache", str(own_cache), "--output", str(tmp_path / "run")]
    assert fit.main([*given, *own_songs.changes(), "--minutes", "1e-9"]) == 0
    capsys.readouterr()
    call = ["--runs", str(tmp_path / "run"), "--cache", str(own_cache), "--output", str(tmp_path / "mine.onnx")]
    assert export.main(call) == 0
    assert "has done 1 of 6 steps and may go on: this is its best check so far" in capsys.readouterr().err


class Shy(nn.Module):
    """A network that is told how many windows it sees at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(96, 3)
        self.seen: list[int] = []

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        self.seen.append(len(frames))
        return {"mood": self.layer(frames.mean(dim=1))}


@pytest.mark.parametrize("loss", ["sigmoid", "softmax"])
@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 3 * BATCH - 1])
def test_an_hour_of_music_is_scored_in_parts(count: int, loss: str) -> None:
    torch.manual_seed(0)
    network, cut = Shy(), Windows(4)
    levels = np.random.default_rng(0).uniform(-5, 0, (count * 4 + 3, 96)).astype(np.float16)
    found = score_heads(network, {"mood": loss}, ["a"], {"a": levels}, cut)["mood"]  # type: ignore[dict-item]
    assert max(network.seen) <= BATCH
    assert sum(network.seen) == count
    single = [
        score_heads(network, {"mood": loss}, ["a"], {"a": levels[i * 4 : i * 4 + 4]}, cut)["mood"][0]  # type: ignore[dict-item]
        for i in range(count)
    ]
    np.testing.assert_allclose(found[0], np.mean(single, axis=0), atol=1e-6)


def test_a_run_of_an_older_version_is_one_line(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(own_cache, tmp_path / "run", "epochs=1")
    stored = torch.load(run / "best.pt", weights_only=True)
    torch.save({name: value for name, value in stored.items() if name not in {"judged", "data"}}, run / "best.pt")
    capsys.readouterr()
    assert export.main(["--runs", str(run), "--cache", str(own_cache), "--output", str(tmp_path / "mine.onnx")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"train.export: {run} is a run of an older version (judged, data not said): train it anew with train.fit"
    )


@pytest.mark.parametrize("threads", ["0", "-1"])
def test_no_threads_are_a_wrong_call(tmp_path: Path, threads: str, capsys: pytest.CaptureFixture[str]) -> None:
    for main, call in ((fit.main, ["--config", str(CONFIG)]), (experiment.main, ["alpha"])):
        with pytest.raises(SystemExit) as caught:
            main([*call, "--cache", str(tmp_path), "--threads", threads])
        assert caught.value.code == 2
        assert f"--threads {threads}: at least 1 is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("[]", "network: channels is []: a list of whole numbers above 0 is needed"),
        ("[2,2,0]", "network: channels is [2, 2, 0]: a list"),
        ("[2,2,2,2,2,2,2]", "network: 7 blocks halve a window 7 times, which leaves nothing of it"),
    ],
)
def test_a_network_that_cannot_be_is_one_line(
    own_cache: Path, tmp_path: Path, channels: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["--config", str(CONFIG), "--cache", str(own_cache), "--output", str(tmp_path / "run")]
    assert fit.main([*call, *own_songs.changes(f"network.channels={channels}")]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: "))
    assert line.startswith(f"train.fit: {message}")
    assert not (tmp_path / "run").exists()
