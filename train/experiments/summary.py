"""From the test scores of an experiment's cells to its table: means over seeds, intervals, paired differences.

table = summarise(plan, [0, 1, 2], tested)      # tested: {(how, system): [Tested of each seed, …]}
table.rows[0].figures["PR-AUC-macro"]   # Estimate(mean=0.512, low=0.47, high=0.554, values=(…))

An interval is Student's t over the seeds, 95 %, with the correction of Nadeau and Bengio (Inference for the
Generalization Error, Machine Learning 52, 2003) where each seed draws its own split: the training parts overlap, so the
seeds are not independent, and the variance of the mean is taken as s² (1/n + test/training) instead of s²/n. With three
seeds it is wide (t = 4.3), as it should be. The difference of two systems is taken seed by seed, where both saw the
same songs. With the data set's own split the songs are the same for all seeds, and the interval is of the weights
alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t as student

from train.data.splits import SHARES
from train.experiments.cell import Tested
from train.experiments.plan import Plan
from train.figures.decisions import NAMES, best_f1_thresholds, decide, mediaeval
from train.figures.ranking import accuracy, mean_of_known

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
    def of(cls, values: Sequence[float], shared: float = 0.0) -> Estimate:
        """Return mean and interval, ``mean ± t(n - 1) s sqrt(1 / n + shared)``.

        Args:
            values: of the seeds.
            shared: test songs for each training song, where the seeds' splits are drawn from the same songs.
        """
        found = np.array(values, float)
        mean, half = float(found.mean()), float("nan")
        if len(found) > 1:
            half = float(student.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * found.std(ddof=1))
            half *= math.sqrt(1 / len(found) + shared)
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
        remarks: what a reader should know of the splits and figures, a sentence each.
    """

    plan: Plan
    seeds: tuple[int, ...]
    rows: tuple[TableRow, ...]
    remarks: tuple[str, ...] = ()


def summarise(
    plan: Plan,
    seeds: Sequence[int],
    tested: Mapping[tuple[str, str], Sequence[Tested]],
    remarks: Sequence[str] = (),
) -> Table:
    """Return the table of an experiment.

    Args:
        plan: of the experiment.
        seeds: in the order of the cells.
        tested: by split and system, the cells of all seeds.
        remarks: see Table.

    Raises:
        ValueError: two systems were tested on different songs.
    """
    rows = []
    figures = {key: [cell_figures(cell) for cell in cells] for key, cells in tested.items()}
    for how in dict.fromkeys(how for how, _ in tested):
        for row in plan.rows:
            ours = figures[how, row.system]
            shared = 0.0 if how == "given" else SHARES[2] / SHARES[0]
            differences = {}
            if row.against:
                _same_songs(tested[how, row.system], tested[how, row.against])
                pairs = list(zip(ours, figures[how, row.against], strict=True))
                differences = {
                    name: Estimate.of([one[name] - other[name] for one, other in pairs], shared)
                    for name in plan.figures
                }
            cells = tested[how, row.system]
            rows.append(
                TableRow(
                    how,
                    row.system,
                    {name: Estimate.of([values[name] for values in ours], shared) for name in plan.figures},
                    row.against,
                    differences,
                    float(np.mean([cell.steps for cell in cells])),
                    float(np.mean([len(cell.songs) for cell in cells])),
                )
            )
    return Table(plan, tuple(seeds), tuple(rows), tuple(remarks))


def coverage(plan: Plan, tested: Mapping[tuple[str, str], Sequence[Tested]]) -> list[str]:
    """Return what no figure counts, a sentence for each split: labels that no test song has, songs not annotated.

    Rows that are judged by other labels than the rest have a sentence of their own.
    """
    lines = []
    for how in dict.fromkeys(how for how, _ in tested):
        found: dict[str, list[str]] = {}
        for row in plan.rows:
            found.setdefault(_uncounted(tested[how, row.system]), []).append(row.system)
        for text, systems in found.items():
            whose = "" if len(found) == 1 else f" ({'; '.join(systems)})"
            if text:
                lines.append(f"split {how}{whose}: {text}")
    return lines


def _uncounted(cells: Sequence[Tested]) -> str:
    labels = [len(cell.labels) for cell in cells]
    without = [int((~(np.nan_to_num(cell.truth) >= 0.5).any(axis=0)).sum()) for cell in cells]
    songs = [len(cell.songs) for cell in cells]
    judged = [int((~np.isnan(cell.truth)).any(axis=1).sum()) for cell in cells]
    parts = []
    if any(without):
        parts.append(f"{span(without)} of {span(labels)} labels have no test song: left out of the macro figures")
    if judged != songs:
        parts.append(f"{span(judged)} of {span(songs)} test songs are annotated and judged")
    return "; ".join(parts)


def span(counts: Sequence[int]) -> str:
    """Return the least and the greatest of the seeds' counts, ``31 to 32``, or the one that all have."""
    least, greatest = min(counts), max(counts)
    return str(least) if least == greatest else f"{least} to {greatest}"


def cell_figures(cell: Tested) -> dict[str, float]:
    """Return the ten MediaEval figures of one cell's test songs, and the accuracy of exclusive labels.

    Each label is judged on the songs that are annotated with it, and micro figures are over the annotated pairs.
    Thresholds are chosen on the test songs themselves, as MediaEval's published ones are, which flatters precision,
    recall and F.
    """
    known = ~np.isnan(cell.truth)
    positive = np.nan_to_num(cell.truth) >= 0.5
    decisions = np.zeros_like(positive)
    rows = []
    for label in np.flatnonzero(known.any(axis=0)):
        songs = known[:, label]
        scores, truth = cell.scores[songs, label, None], positive[songs, label, None]
        if cell.decisions is None:
            decisions[songs, label] = decide(scores, best_f1_thresholds(scores, truth))[:, 0]
        else:
            decisions[songs, label] = cell.decisions[songs, label]
        rows.append(mediaeval(scores, truth, decisions[songs, label, None]))
    pairs = mediaeval(cell.scores[known][:, None], positive[known][:, None], decisions[known][:, None])
    figures = {}
    for name in NAMES:
        values = np.array([row[name] for row in rows])
        figures[name] = mean_of_known(values) if name.endswith("macro") else pairs[name]
    judged = known.all(axis=1)
    if judged.any() and (positive[judged].sum(axis=1) == 1).all():
        figures["accuracy"] = accuracy(cell.scores[judged], positive[judged].argmax(axis=1))
    return figures


def _same_songs(first: Sequence[Tested], second: Sequence[Tested]) -> None:
    for one, other in zip(first, second, strict=True):
        if not np.array_equal(one.songs, other.songs):
            raise ValueError("two systems were tested on different songs: the data set was split anew; remove the runs")
