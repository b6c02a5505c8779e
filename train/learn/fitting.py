"""One run from its configuration to its weights: train, check, keep the best, go on after a kill.

    material = open_material(Path("cache/mine"), configuration)
    figures = fit(configuration, material, Path("runs/mine/seed0"), seed=0)

Steps are pure functions of seed and step: a run that was killed ends with the very weights of one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from train.common.lock import locked
from train.data.features import MANIFEST
from train.learn.configuration import Configuration
from train.learn.corpus import Corpus, Selection
from train.learn.distributed import Ranks
from train.learn.loop import ALONE, Run
from train.learn.material import Material
from train.learn.networks import ConfigurationError, network_frontend
from train.learn.scoring import Windows
from train.learn.song_material import song_material
from train.learn.trained import RunLog, read, save

LOCK = ".lock"

OnCheck = Callable[[Run, float, Mapping[str, float]], None]
"""Is called at each check: with the run, the mean loss since the last one, and the figures."""


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
    on_check: OnCheck = lambda run, loss, figures: None,
) -> Mapping[str, float]:
    """Train to the end, or until ``minutes`` of CPU time are spent, and return the last figures.

    Args:
        configuration: of the run.
        material: what to learn from.
        folder: of this run; a checkpoint in it is continued.
        seed: from which everything random follows.
        minutes: budget of CPU time for steps, over all parts of a run that was interrupted; None for no limit.
        ranks: this process among those of the run; the first reads and writes the files.
        on_check: called by the first process at each check.

    Raises:
        LockedError: another process trains in the folder.
        ConfigurationError: the folder holds another run, or nothing can be judged.
    """
    run = Run(configuration, material, seed, ranks)
    if not ranks.first:
        return _train(run, folder, minutes, ranks, on_check)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK, "another train.fit"):
        return _train(run, folder, minutes, ranks, on_check)


def _train(run: Run, folder: Path, minutes: float | None, ranks: Ranks, on_check: OnCheck) -> Mapping[str, float]:
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
                on_check(run, loss, figures)
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
