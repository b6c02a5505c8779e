"""From the test scores of an experiment's cells to its table: means over seeds, intervals, paired differences.

table = summarise(plan, tested)         # tested: {(how, system): [Tested of each seed, …]}
table.rows[0].figures["PR-AUC-macro"]   # Estimate(mean=0.512, low=0.47, high=0.554, values=(…))

An interval is Student's t over the seeds, 95 %: each seed draws its own split, so it covers other songs as well as
other weights. With three seeds it is wide (t = 4.3), as it should be. The difference of two systems is taken seed by
seed, where both saw the same songs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t as student

from train.experiments.cell import Tested
from train.experiments.plan import Plan
from train.figures.decisions import best_f1_thresholds, decide
from train.figures.exclusive import accuracy
from train.figures.mediaeval import mediaeval

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over seeds; the interval is NaN for a single one.

    Attributes:
        mean: over the seeds.
        low: lower end of the 95 % interval of the mean.
        high: upper end.
        values: of each seed.
    """

    mean: float
    low: float
    high: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Return mean and interval; source: Student 1908, ``mean ± t(n - 1) s / sqrt(n)``."""
        found = np.array(values, float)
        mean, half = float(found.mean()), float("nan")
        if len(found) > 1:
            half = float(student.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
        return cls(mean, mean - half, mean + half, tuple(map(float, found)))


@dataclasses.dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table.

    Attributes:
        how: the songs were split.
        system: its name.
        figures: by name.
        against: the system that the differences are to; None without.
        differences: of the figures, seed by seed, by name.
        steps: of training until the network that was tested, mean over seeds.
        songs: test songs, mean over seeds.
    """

    how: str
    system: str
    figures: Mapping[str, Estimate]
    against: str | None
    differences: Mapping[str, Estimate]
    steps: float
    songs: float


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """What an experiment found.

    Attributes:
        plan: of the experiment.
        seeds: that were run.
        rows: for each way to split, in the order of the plan.
    """

    plan: Plan
    seeds: tuple[int, ...]
    rows: tuple[TableRow, ...]


def summarise(plan: Plan, seeds: Sequence[int], tested: Mapping[tuple[str, str], Sequence[Tested]]) -> Table:
    """Return the table of an experiment.

    Args:
        plan: of the experiment.
        seeds: in the order of the cells.
        tested: by split and system, the cells of all seeds.
    """
    rows = []
    figures = {key: [cell_figures(cell) for cell in cells] for key, cells in tested.items()}
    for how in dict.fromkeys(how for how, _ in tested):
        for row in plan.rows:
            ours = figures[how, row.system]
            differences = {}
            if row.against:
                pairs = list(zip(ours, figures[how, row.against], strict=True))
                differences = {
                    name: Estimate.of([one[name] - other[name] for one, other in pairs]) for name in plan.figures
                }
            cells = tested[how, row.system]
            rows.append(
                TableRow(
                    how,
                    row.system,
                    {name: Estimate.of([values[name] for values in ours]) for name in plan.figures},
                    row.against,
                    differences,
                    float(np.mean([cell.steps for cell in cells])),
                    float(np.mean([len(cell.songs) for cell in cells])),
                )
            )
    return Table(plan, tuple(seeds), tuple(rows))


def cell_figures(cell: Tested) -> dict[str, float]:
    """Return the ten MediaEval figures of one cell's test songs, and the accuracy of exclusive labels.

    Songs without annotations, and labels without them, are left out. Thresholds are chosen on the test songs
    themselves, as MediaEval's published ones are, which flatters precision, recall and F.
    """
    known = ~np.isnan(cell.truth)
    songs, labels = known.any(axis=1), known.any(axis=0)
    truth, scores = cell.truth[songs][:, labels], cell.scores[songs][:, labels]
    positive = np.nan_to_num(truth) >= 0.5
    if cell.decisions is None:
        decisions = decide(scores, best_f1_thresholds(scores, positive))
    else:
        decisions = cell.decisions[songs][:, labels]
    figures = mediaeval(scores, positive, decisions)
    if len(positive) and (positive.sum(axis=1) == 1).all():
        figures["accuracy"] = accuracy(scores, positive.argmax(axis=1))
    return figures
