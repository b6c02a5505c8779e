"""Train one network on the prepared data; a killed run is continued by the same command.

    python -m train.fit --config config/train/default.yaml --seed 0
    python -m train.fit --config config/train/kumar_dahiya.yaml --seed 0 --minutes 15

Writes runs/NAME/seedN/: log.csv (loss and validation figures), checkpoint.pt (to continue from), best.pt or final.pt
(the weights to evaluate and export: the best check where the configuration stops early, else the last).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from train.cache import Pack
from train.configuration import Configuration, ConfigurationError, build_network, load
from train.console import command_parser, say, show
from train.datasets.song import Song
from train.loop import Run
from train.scoring import mood_predictor, score_songs
from train.songs import load_songs, negatives
from train.validation import mood_figures, selection_score

FIGURES = ("4Q accuracy", "4Q PR-AUC", "Emotify PR-AUC", "valence r", "arousal r")


def fit(
    configuration: Configuration, cache: Path, folder: Path, seed: int, minutes: float | None = None
) -> dict[str, float]:
    """Train to the end, or until ``minutes`` of CPU time are spent, and return the last figures.

    Args:
        configuration: of the run.
        cache: folder that train.prepare filled.
        folder: of this run; a checkpoint in it is continued.
        seed: from which everything random follows.
        minutes: budget of CPU time for steps, over all parts of a run that was interrupted; None for no limit.
    """
    songs = load_songs(cache)
    run = Run(configuration, [*songs, *negatives(cache)], cache, seed)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "checkpoint.pt").is_file():
        run.restore(torch.load(folder / "checkpoint.pt", weights_only=True))
    _trim_log(folder / "log.csv", run.progress.step)
    validation = [song for song in songs if song.split == "validation"]
    figures: dict[str, float] = {}
    with tqdm(total=configuration.steps, initial=run.progress.step, unit="step", desc=folder.name) as bar:
        while run.progress.step < configuration.steps:
            target = min(configuration.steps, run.progress.step // configuration.check_every * configuration.check_every
                         + configuration.check_every)  # fmt: skip
            losses = []
            for loss in run.train(target):
                losses.append(loss)
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}")
                if minutes is not None and run.progress.seconds >= 60 * minutes:
                    break
            figures = _check(run, validation, cache, folder)
            _log(folder / "log.csv", run, sum(losses) / len(losses), figures)
            _save(run.state(), folder / "checkpoint.pt")
            out_of_time = minutes is not None and run.progress.seconds >= 60 * minutes
            impatient = configuration.patience is not None and run.progress.stale >= configuration.patience
            if out_of_time or impatient:
                break
    if configuration.patience is None:
        _save(_exported(run), folder / "final.pt")
    return figures


def load_trained(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the trained network of a run's folder, in evaluation mode, and what was stored with it."""
    path = folder / ("best.pt" if (folder / "best.pt").is_file() else "final.pt")
    stored: dict[str, Any] = torch.load(path, weights_only=True)
    sizes = {name: len(labels) for name, labels in stored["labels"].items()}
    network = build_network(stored["description"], sizes)
    network.load_state_dict(stored["weights"])
    return network.eval(), stored


def _check(run: Run, validation: list[Song], cache: Path, folder: Path) -> dict[str, float]:
    network = run.averaged_network()
    scores = score_songs(mood_predictor(network), validation, Pack(cache / "clean"))
    found = mood_figures(validation, scores)
    score = selection_score(found)
    if score > run.progress.best:
        run.progress.best, run.progress.stale = score, 0
        if run.configuration.patience is not None:
            _save(_exported(run), folder / "best.pt")
    else:
        run.progress.stale += 1
    return {name: found[name][0] for name in FIGURES if name in found}


def _exported(run: Run) -> dict[str, Any]:
    state = run.state()
    weights = {name: value.contiguous() for name, value in run.averaged_network().state_dict().items()}
    return {"weights": weights, **{key: state[key] for key in ("labels", "description", "seed", "progress")}}


def _save(values: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(values, part)
    part.replace(path)  # a kill leaves the old file or the new one, never half of one


def _log(path: Path, run: Run, loss: float, figures: dict[str, float]) -> None:
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "seconds", "loss", *FIGURES])
        numbers = [f"{figures.get(name, float('nan')):.4f}" for name in FIGURES]
        writer.writerow([run.progress.step, round(run.progress.seconds, 1), f"{loss:.4f}", *numbers])


def _trim_log(path: Path, step: int) -> None:
    """Drop lines past the checkpoint: a kill between the log and the checkpoint would double them."""
    if path.is_file():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines[:1], *(line for line in lines[1:] if int(line.split(",")[0]) <= step)]))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.fit", __doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train/")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--output", type=Path, help="folder of the run (default runs/NAME/seedN)")
    parser.add_argument("--minutes", type=float, help="stop after so much CPU time of training (default: all steps)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default %(default)s)")
    options = parser.parse_args(arguments)
    if not options.config.is_file():
        parser.error(f"no such file: {options.config}")
    torch.set_num_threads(options.threads)
    folder = options.output or Path("runs") / options.config.stem / f"seed{options.seed}"
    try:
        figures = fit(load(options.config), options.cache, folder, options.seed, options.minutes)
    except (ConfigurationError, OSError, ValueError, FloatingPointError) as error:
        say(f"train.fit: {error}")
        return 1
    except KeyboardInterrupt:
        say(f"train.fit: interrupted; the same command continues from {folder}")
        return 130
    show("  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
