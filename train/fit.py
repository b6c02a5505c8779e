"""Train one network on prepared songs; a killed run is continued by the same command.

    python -m train.fit --config config/train/default.yaml --seed 0
    python -m train.fit --config config/train/multi_task_2.yaml --cache cache/emotify --seed 0
    python -m train.fit --config config/train/baseline.yaml --cache cache/mine --set epochs=10
    torchrun --nproc-per-node 2 -m train.fit --config config/train/uai_cnrl.yaml --cache cache/mtg    # two GPUs

The cache is what train.prepare filled: one data set (--dataset), or the default model's four (--music). Writes
runs/NAME/seedN/: log.csv and tensorboard/ (loss and validation figures), curve.png, checkpoint.pt (to continue from),
best.pt or final.pt (the weights to evaluate and export: the best check where the configuration stops early, else the
last). Steps are pure functions of seed and step: a run that was killed ends with the very weights of one that was not.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from train.common.console import needed

with needed(__name__):
    from tqdm import tqdm

    from train.common.console import command_parser, say, show, whole_number
    from train.common.lock import locked
    from train.data.features import MANIFEST
    from train.learn.configuration import Configuration, load
    from train.learn.corpus import Corpus, Selection
    from train.learn.distributed import Ranks, add_hardware, join, leave, one_line, take_hardware
    from train.learn.loop import ALONE, Run
    from train.learn.material import Material
    from train.learn.networks import ConfigurationError, network_frontend
    from train.learn.scoring import Windows
    from train.learn.song_material import song_material
    from train.learn.trained import RunLog, read, save, trained_file


LOCK = ".lock"

Told = Callable[[Run, float, Mapping[str, float]], None]


def open_material(cache: Path, configuration: Configuration, split: tuple[str, int] | None = None) -> Material:
    """Return what a cache holds, to be judged as the configuration says.

    Args:
        cache: folder that train.prepare filled.
        configuration: of the run.
        split: how and with which seed to split anew; None for the split of the manifest.

    Raises:
        FileNotFoundError, ValueError: there is nothing to learn from; the message is one line.
    """
    if not (cache / MANIFEST).is_file():
        return song_material(cache)
    corpus = Corpus.open(cache)
    return corpus_material(corpus.split(*split) if split else corpus, configuration)


def corpus_material(corpus: Corpus, configuration: Configuration) -> Material:
    """Return a data set with a split as what a run of this configuration learns from."""
    frontend = network_frontend(configuration.network)
    windows = Windows(frontend.patch, configuration.first_frames, corpus.features.frontend.compression)
    return corpus.long_enough(frontend.patch).material(Selection(configuration.heads_judged(), windows))


def fit(
    configuration: Configuration,
    material: Material,
    folder: Path,
    seed: int,
    *,
    minutes: float | None = None,
    ranks: Ranks = ALONE,
    told: Told = lambda run, loss, figures: None,
) -> Mapping[str, float]:
    """Train to the end, or until ``minutes`` of CPU time are spent, and return the last figures.

    Args:
        configuration: of the run.
        material: what to learn from.
        folder: of this run; a checkpoint in it is continued.
        seed: from which everything random follows.
        minutes: budget of CPU time for steps, over all parts of a run that was interrupted; None for no limit.
        ranks: this process among those of the run; the first reads and writes the files.
        told: called by the first at each check, with the mean loss since the last one and the figures.

    Raises:
        LockedError: another process trains in the folder.
        ConfigurationError: the folder holds another run, or nothing can be judged.
    """
    run = Run(configuration, material, seed, ranks)
    if not ranks.first:
        return _train(run, folder, minutes, ranks, told)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK, "another train.fit"):
        return _train(run, folder, minutes, ranks, told)


def _train(run: Run, folder: Path, minutes: float | None, ranks: Ranks, told: Told) -> Mapping[str, float]:
    # The others may be on machines that do not see the folder.
    state = ranks.from_first(_checkpoint(folder) if ranks.first else None)
    if state is not None:
        run.restore(state)
    log = RunLog(folder, run.progress.step) if ranks.first else None
    steps, progress = run.configuration.steps, run.progress
    with tqdm(
        total=steps, initial=progress.step, unit="step", desc=folder.name, disable=None if ranks.first else True
    ) as bar:
        while progress.step < steps and not _ended(run, minutes):
            losses = []
            every = run.configuration.check_every
            for loss in run.train(min(steps, progress.step // every * every + every)):
                losses.append(loss)
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}")
                if minutes is not None and ranks.from_first(progress.seconds >= 60 * minutes):
                    break
            if log is not None:
                figures, loss = _check(run, folder), sum(losses) / len(losses)
                log.add(progress.step, progress.seconds, loss, figures)
                save(run.state(), folder / "checkpoint.pt")
                told(run, loss, figures)
            run.progress = progress = ranks.from_first(progress)
    if log is None:
        return {}
    if run.configuration.patience is None:
        save(_exported(run, log.last()), folder / "final.pt")
    log.close()
    return log.last()


def _checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return what the folder's run continues from, if anything."""
    path = folder / "checkpoint.pt"
    return read(path) if path.is_file() else None


def _ended(run: Run, minutes: float | None) -> bool:
    patience = run.configuration.patience
    out_of_time = minutes is not None and run.progress.seconds >= 60 * minutes
    return out_of_time or (patience is not None and run.progress.stale >= patience)


def _check(run: Run, folder: Path) -> Mapping[str, float]:
    """Judge the network and keep it if it is the best; return the figures.

    Where ``minutes`` ended between two checks it is judged as well, but that counts for nothing: a run that goes on
    later must become what it would have become without the pause.
    """
    judgement = run.material.judge(run.averaged_network())
    if math.isnan(judgement.score) and run.configuration.patience is not None:
        raise ConfigurationError(
            "no validation song has any of the labels, so nothing says when to stop: prepare with another --split or "
            "--seed, or --set patience=null"
        )
    step = run.progress.step
    if step % run.configuration.check_every and step < run.configuration.steps:
        if run.configuration.patience is not None and not (folder / "best.pt").is_file():
            save(_exported(run, judgement.figures), folder / "best.pt")  # better than none
        return judgement.figures
    if judgement.score > run.progress.best:
        run.progress.best, run.progress.stale = judgement.score, 0
        if run.configuration.patience is not None:
            save(_exported(run, judgement.figures), folder / "best.pt")
    else:
        run.progress.stale += 1
    return judgement.figures


def _exported(run: Run, figures: Mapping[str, float]) -> dict[str, Any]:
    """Return the trained network and what its file shall say of it; ``figures`` are those of this very check."""
    state = run.state()
    weights = {name: value.cpu().contiguous() for name, value in run.averaged_network().state_dict().items()}
    return {
        "weights": weights,
        "losses": {name: task.loss for name, task in run.configuration.heads.items()},
        "judged": list(run.configuration.heads_judged()),
        "first_frames": run.configuration.first_frames,
        "frontend": dict(run.frontend.to_metadata()),
        "data": dict(run.material.description),
        "metrics": {name: round(value, 4) for name, value in figures.items() if math.isfinite(value)},
        **{key: state[key] for key in ("labels", "description", "seed", "progress")},
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.fit", __doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="in place of what the file says; repeatable"
    )
    parser.add_argument("--seed", type=whole_number, default=0, help="of everything random (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--output", type=Path, help="folder of the run (default runs/NAME/seedN)")
    parser.add_argument("--minutes", type=_minutes, help="stop after so much CPU time of training (default: all steps)")
    add_hardware(parser)
    options = parser.parse_args(arguments)
    if not options.config.is_file():
        parser.error(f"no such file: {options.config}")
    take_hardware(parser, options)
    folder = options.output or Path("runs") / options.config.stem / f"seed{options.seed}"
    with one_line("train.fit", folder) as end:
        configuration = load(options.config, options.set)
        material = open_material(options.cache, configuration)
        with join(options.device) as ranks:
            for remark in material.remarks if ranks.first else ():
                say(f"note: {remark}")
            figures = fit(
                configuration, material, folder, options.seed, minutes=options.minutes, ranks=ranks, told=_say_check
            )
        if ranks.first:
            show("  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
            say(f"written to {folder}: curve.png, log.csv, tensorboard/, {trained_file(folder).name}")
    return end.code


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text!r}")
    return value


def _say_check(run: Run, loss: float, figures: Mapping[str, float]) -> None:
    """Say how it goes, above the progress bar."""
    shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
    best = "" if run.progress.stale else "  (best so far)"
    line = f"step {run.progress.step} of {run.configuration.steps}: loss {loss:.3f}  {shown}{best}"
    tqdm.write(line, file=sys.stderr)


if __name__ == "__main__":
    leave(main())
