"""One cell of an experiment: a configuration trained on one data set, with one split and one seed, and its test scores.

    cell = Cell("Multi-task I", Path("config/train/multi_task_1.yaml"), (), how="artist", seed=0)
    tested = run_cell(cell, Corpus.open(Path("cache/emotify")), Path("runs/experiments/table1"))
    tested.scores                       # (songs, labels)

The seed draws the split as well as the weights and the batches: cells of the same seed see the same songs, so their
difference is a paired one, and the spread over seeds is that of other songs, too. A cell that was run is not run again.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.files import replaced
from train.learn.configuration import Configuration, load
from train.learn.corpus import Corpus
from train.learn.distributed import Ranks
from train.learn.fitting import corpus_material, fit
from train.learn.loop import ALONE
from train.learn.networks import network_frontend
from train.learn.scoring import Windows, score_heads
from train.learn.trained import load_trained

TESTED = "test.npz"


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What is trained.

    Attributes:
        system: name of the row that the cell belongs to.
        config: the preset.
        changes: in place of what it says, see train.configuration.load.
        how: the songs are split.
        seed: of split, weights and batches.
        head: of the judged ones, whose scores are wanted; the first if empty.
    """

    system: str
    config: Path
    changes: tuple[str, ...]
    how: str
    seed: int
    head: str = ""

    def folder(self, root: Path) -> Path:
        """Return where the cell's run lies below the experiment's folder."""
        return root / self.how / self.system / f"seed{self.seed}"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What a trained network says of the test songs.

    Attributes:
        songs: their ids, shape (songs,).
        artists: whom each is by, empty where unknown.
        labels: names of the columns.
        truth: shape (songs, labels), 0…1, NaN where unknown.
        scores: the same shape, probabilities.
        steps: that the network was trained for, until its best check.
        validation: the figure it was chosen by.
        decisions: which labels each song is given, shape (songs, labels); None where a threshold decides.
    """

    songs: NDArray[np.str_]
    artists: NDArray[np.str_]
    labels: NDArray[np.str_]
    truth: NDArray[np.float64]
    scores: NDArray[np.float64]
    steps: int
    validation: float
    decisions: NDArray[np.bool_] | None = None


def run_cell(cell: Cell, corpus: Corpus, root: Path, ranks: Ranks = ALONE) -> Tested:
    """Train and test one cell, or read what an earlier run of it found; an interrupted one goes on.

    Args:
        cell: what to train.
        corpus: the data set, with any split.
        root: folder of the experiment.
        ranks: where to compute.

    Raises:
        ConfigurationError, ValueError: see train.learn.fitting; or the folder holds a run of another configuration.
    """
    folder = cell.folder(root)
    configuration = load(cell.config, cell.changes)
    path = _tested_file(folder, configuration, cell.head)
    if ranks.first:
        _same(folder, configuration, corpus)
    done = ranks.from_first(read_tested(path) if ranks.first and path.is_file() else None)
    if done is not None:
        return done
    divided = corpus.long_enough(network_frontend(configuration.network).patch).split(cell.how, cell.seed)
    if not any(entry.split == "test" for entry in divided.manifest.entries):
        raise ValueError(f"no song of {corpus.manifest.dataset} is in the split test (--split {cell.how})")
    fit(configuration, corpus_material(divided, configuration), folder, cell.seed, ranks=ranks)
    if ranks.first:
        for name, tested in _tested(configuration, divided, folder, ranks).items():
            _write(tested, _tested_file(folder, configuration, name))
    return ranks.from_first(read_tested(path) if ranks.first else None)


def _tested_file(folder: Path, configuration: Configuration, head: str) -> Path:
    """Return where a head's scores of the test songs lie; those of the first, which most runs have alone, as ever."""
    first = next(iter(configuration.heads_judged()))
    return folder / (TESTED if head in ("", first) else f"test-{head}.npz")


def _tested(configuration: Configuration, divided: Corpus, folder: Path, ranks: Ranks) -> dict[str, Tested]:
    """Test the trained network of a cell by each of its judged heads."""
    frontend = network_frontend(configuration.network)
    network, stored = load_trained(folder)
    judged = configuration.heads_judged()
    entries = divided.manifest.entries
    test = [i for i, entry in enumerate(entries) if entry.split == "test"]
    windows = Windows(frontend.patch, configuration.first_frames, frontend.compression)
    keys = [entries[i].id for i in test]
    losses = {name: loss for name, (_, loss) in judged.items()}
    scores = score_heads(network.to(ranks.device), losses, keys, divided.features, windows)
    heads = {name: divided.head(*what) for name, what in judged.items()}
    return {
        name: Tested(
            songs=np.array(keys),
            artists=np.array([entries[i].artist or "" for i in test]),
            labels=np.array(head.labels),
            truth=np.where(head.mask[test] > 0, head.targets[test], np.nan).astype(np.float64),
            scores=scores[name],
            steps=int(stored["progress"]["step"]),
            validation=float(stored["progress"]["best"]),
        )
        for name, head in heads.items()
    }


def _write(tested: Tested, path: Path) -> None:
    with replaced(path) as part, part.open("wb") as file:
        values = {field.name: getattr(tested, field.name) for field in dataclasses.fields(Tested)}
        np.savez_compressed(file, **{name: value for name, value in values.items() if value is not None})


def read_tested(path: Path) -> Tested:
    """Return what ``run_cell`` found; raises ValueError if the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            values = {name: found[name] for name in found.files}
        return Tested(**{**values, "steps": int(values["steps"]), "validation": float(values["validation"])})
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}): remove it and run the experiment again") from None


def _same(folder: Path, configuration: Configuration, corpus: Corpus) -> None:
    """See that what the folder holds is this cell's, and write down whose it is."""
    path = folder / "cell.json"
    said = {
        "configuration": json.loads(json.dumps(dataclasses.asdict(configuration))),
        "data": corpus.fingerprint(),
    }
    started = any((folder / name).is_file() for name in ("checkpoint.pt", TESTED))
    try:
        there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and started else {}
    except ValueError:
        raise ValueError(f"{path} is damaged: remove {folder} and run the experiment again") from None
    # A folder of an older version does not say all of this.
    other = [name for name, value in said.items() if there.get(name, value) != value]
    if other:
        kind = "other songs or labels" if other == ["data"] else "another configuration"
        raise ValueError(f"{folder} holds a run of {kind}: remove it or take another --output")
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        part.write_text(json.dumps(said, indent=1), encoding="utf-8")


def popularity(corpus: Corpus) -> Tested:
    """Return what the baseline says of the test songs: the same of each."""
    entries = corpus.manifest.entries
    head = corpus.head("mood", "sigmoid")
    truth = np.where(head.mask > 0, head.targets, np.nan).astype(np.float64)
    train, test = ([i for i, entry in enumerate(entries) if entry.split == name] for name in ("train", "test"))
    known = ~np.isnan(truth[train])
    shares = np.nan_to_num(truth[train]).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Tested(
        songs=np.array([entries[i].id for i in test]),
        artists=np.array([entries[i].artist or "" for i in test]),
        labels=np.array(head.labels),
        truth=truth[test],
        scores=np.tile(shares, (len(test), 1)),
        steps=0,
        validation=float("nan"),
        decisions=np.tile(np.arange(len(shares)) == shares.argmax(), (len(test), 1)),
    )
