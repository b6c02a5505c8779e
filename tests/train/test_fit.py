"""Training is exact: a run that was killed and resumed ends like one that was not."""

import csv
import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from train import fit
from train.learn.configuration import ConfigurationError, load
from train.learn.loop import Run, learning_rate
from train.learn.losses import Loss
from train.learn.material import Head, Judgement
from train.learn.song_material import song_material
from train.learn.trained import load_trained

CONFIGURATION = """
network: {kind: statistics_pooling, channels: [4, 4, 4, 4], mixed: 8, hidden: 8}
heads:
  quadrant: {loss: softmax}
  emotion: {loss: sigmoid, weight: 0.25}
  rating: {loss: squared, weight: 0.4}
  presence: {loss: sigmoid, weight: 0.5}
  plane: {loss: squared}
  genre: {loss: sigmoid, weight: balance}
metadata: [genre]
groups:
  - {datasets: [4q], songs: 3, windows: 2}
  - {datasets: [emotify, musifeast17, incompetech], songs: 4}
steps: STEPS
check_every: 10
smoothing: 0.1
degraded: 0.5
average: 0.9
augmentation: {gain_db: 12, equaliser_db: 6, masked_bands: 12, masked_frames: 30, mixup: 0.3}
optimiser: {name: adamw, rate: 0.002, weight_decay: 0.02, warm_up: 5, clip: 2.0}
"""


def configuration_file(folder: Path, steps: int) -> Path:
    path = folder / "small.yaml"
    path.write_text(CONFIGURATION.replace("STEPS", str(steps)))
    return path


def log_without_times(folder: Path) -> list[list[str]]:
    with (folder / "log.csv").open() as file:
        return [[row[0], *row[2:]] for row in csv.reader(file)]


def test_a_killed_run_resumes_to_bit_identical_weights(small_cache: Path, tmp_path: Path) -> None:
    path = configuration_file(tmp_path, steps=60)
    command = [sys.executable, "-m", "train.fit", "--config", str(path), "--cache", str(small_cache), "--seed", "3"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([*command, "--output", str(killed)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (killed / "checkpoint.pt").is_file():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "final.pt").is_file()
    torch.set_num_threads(1)
    fit.fit(load(path), song_material(small_cache), killed, seed=3)
    fit.fit(load(path), song_material(small_cache), whole, seed=3)
    first, second = (torch.load(folder / "final.pt", weights_only=True) for folder in (killed, whole))
    assert all(torch.equal(first["weights"][name], value) for name, value in second["weights"].items())
    assert log_without_times(killed) == log_without_times(whole)


def test_another_seed_gives_other_weights(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=2))
    for seed in (0, 1):
        fit.fit(configuration, song_material(small_cache), tmp_path / str(seed), seed)
    networks = [load_trained(tmp_path / str(seed))[0].state_dict() for seed in (0, 1)]
    assert any(not torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_the_loss_falls(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=150))
    losses = list(Run(configuration, song_material(small_cache), seed=0).train(150))
    assert sum(losses[-20:]) < 0.9 * sum(losses[:20])


def test_a_checkpoint_of_another_seed_is_refused(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=1))
    fit.fit(configuration, song_material(small_cache), tmp_path / "run", seed=0)
    with pytest.raises(ConfigurationError, match="another network or seed"):
        fit.fit(configuration, song_material(small_cache), tmp_path / "run", seed=1)


@pytest.mark.parametrize(
    ("change", "name"),
    [("optimiser.rate=0.1", "optimiser"), ("heads.emotion.weight=2.0", "heads"), ("smoothing=0.2", "smoothing")],
)
def test_a_checkpoint_made_with_other_settings_is_refused(
    small_cache: Path, tmp_path: Path, change: str, name: str
) -> None:
    path = configuration_file(tmp_path, steps=1)
    fit.fit(load(path), song_material(small_cache), tmp_path / "run", seed=0)
    with pytest.raises(
        ConfigurationError, match=f"other settings .{change.split('.', maxsplit=1)[0].split('=', maxsplit=1)[0]} was"
    ):
        fit.fit(load(path, [change]), song_material(small_cache), tmp_path / "run", seed=0)


def test_a_checkpoint_of_other_annotations_is_refused(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=1))
    material = song_material(small_cache)
    fit.fit(configuration, material, tmp_path / "run", seed=0)

    def other(name: str, loss: Loss) -> Head:
        head = material.head(name, loss)
        return dataclasses.replace(head, targets=1 - head.targets)

    with pytest.raises(ConfigurationError, match="other songs or labels"):
        fit.fit(configuration, dataclasses.replace(material, head=other), tmp_path / "run", seed=0)


def test_a_run_that_nothing_tells_when_to_stop_is_refused(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=1), ["patience=2"])
    blind = dataclasses.replace(song_material(small_cache), judge=lambda network: Judgement({}, float("nan")))
    with pytest.raises(ConfigurationError, match="nothing says when to stop"):
        fit.fit(configuration, blind, tmp_path / "run", seed=0)


def test_a_budget_of_time_ends_a_run_early(small_cache: Path, tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=100_000))
    fit.fit(configuration, song_material(small_cache), tmp_path / "run", seed=0, minutes=0.001)
    assert load_trained(tmp_path / "run")[1]["progress"]["step"] < 100


def test_patience_stops_a_run_and_keeps_the_best(small_cache: Path, tmp_path: Path) -> None:
    path = configuration_file(tmp_path, steps=100)
    path.write_text(path.read_text() + "patience: 2\n")
    scores = iter([0.5, 0.6, 0.4, 0.3, 0.9])
    material = dataclasses.replace(
        song_material(small_cache), judge=lambda network: Judgement({"figure": 0.0}, next(scores))
    )
    fit.fit(load(path), material, tmp_path / "run", seed=0)
    assert load_trained(tmp_path / "run")[1]["progress"]["step"] == 20
    assert torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)["progress"]["step"] == 40


def test_the_cosine_schedule_warms_up_and_ends_at_zero(tmp_path: Path) -> None:
    configuration = load(configuration_file(tmp_path, steps=100))
    rates = [learning_rate(configuration, step) for step in (0, 4, 5, 100)]
    assert rates == pytest.approx([0.0004, 0.002, 0.002, 0.0])


@pytest.mark.parametrize("name", [path.stem for path in sorted(Path("config/train").glob("*.yaml"))])
def test_the_committed_configurations_load(name: str) -> None:
    configuration = load(Path(f"config/train/{name}.yaml"))
    assert configuration.reduction == "sum"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps:", "step:"), "unknown key step, did you mean steps"),
        (("gain_db", "gain_bd"), "unknown key gain_bd, did you mean gain_db"),
        (("kind: statistics_pooling", "kind: transformer"), "network.kind must be one of"),
        (("rating:", "ratings:"), "no targets are called ratings"),
        (("quadrant: {loss: softmax}", "mood: {loss: sigmoid}"), "the head plane needs the head quadrant"),
        (("datasets: [4q]", "datasets: [5q]"), "no prepared training song for the data sets 5q"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_status_1(
    small_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    path = configuration_file(tmp_path, steps=1)
    path.write_text(path.read_text().replace(*change))
    assert fit.main(["--config", str(path), "--cache", str(small_cache), "--output", str(tmp_path / "run")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_cache_that_is_not_there_is_one_line_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration_file(tmp_path, steps=1)
    assert fit.main(["--config", str(path), "--cache", str(tmp_path), "--output", str(tmp_path / "run")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "run python -m train.prepare first" in line


def test_usage_errors_are_status_2(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        fit.main(["--config", str(tmp_path / "missing.yaml")])
    assert caught.value.code == 2
