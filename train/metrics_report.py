"""What ``train.metrics`` does: files to figures, intervals, and a comparison of two systems.

report = judge(Question(truth=Path("truth.npy"), scores=Path("scores.npy"), ...))
print(as_text(report))                         # in metrics_output.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.figures import checks
from train.figures.bootstrap import interval, p_value, without_bias
from train.figures.calibration import calibration_error
from train.figures.decisions import best_f1_thresholds, decide
from train.figures.exclusive import accuracy, is_exclusive
from train.figures.mediaeval import NAMES, System, drawn_figures, mediaeval
from train.figures.table import LabelRow, are_probabilities, label_rows, remarks
from train.matrices import read_array, read_groups, read_labels, read_thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the files, and how often to draw.

    Attributes:
        truth: annotations, .npy.
        scores: of the system, .npy.
        decisions: .npy; None where thresholds make them.
        thresholds: their file; None for those with the best F.
        rule_chosen: whether the user said how decisions are made; if not, a note does.
        labels: names of the columns; None for no table.
        against: scores of a second system, .npy.
        draws: 0 for no intervals.
        groups: a line a song; None where songs are drawn.
        seed: of the draws.
    """

    truth: Path
    scores: Path
    decisions: Path | None = None
    thresholds: Path | None = None
    rule_chosen: bool = True
    labels: Path | None = None
    against: Path | None = None
    draws: int = 0
    groups: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """How intervals came about: so many draws of so many units ("song" or "group"), with that seed."""

    draws: int
    unit: str
    units: int
    seed: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a second system, the first's minus the second's, its 95 % interval, and p of "equally good"."""

    second: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Report:
    """The answer; what was not asked for is empty.

    Attributes:
        figures: the ten by name, NaN where one does not exist.
        notes: a line each.
        rows: one for each label.
        other: accuracy of exclusive labels, and calibration error of probabilities.
        drawn: None without intervals.
        intervals: (low, high) of the figures that exist.
        differences: of the figures that both systems have.
    """

    figures: dict[str, float]
    notes: list[str]
    rows: list[LabelRow] = field(default_factory=list)
    other: dict[str, float] = field(default_factory=dict)
    drawn: Drawn | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    differences: dict[str, Difference] = field(default_factory=dict)


def judge(question: Question) -> Report:
    """Read, check and compute everything that is asked.

    Raises:
        FigureError: the matrices do not fit each other or hold what they must not.
        UnreadableError: a file cannot be read.
    """
    truth = checks.check_truth(read_array(question.truth), str(question.truth))
    songs, labels = truth.shape
    names = read_labels(question.labels, labels) if question.labels else [f"column {i}" for i in range(labels)]
    groups: Sequence[str] | range = read_groups(question.groups, songs) if question.groups else range(songs)
    scores, precise = _scores(question.scores, truth)
    thresholds, decisions = None, None
    if question.decisions:
        decisions = checks.check_decisions(read_array(question.decisions), truth.shape, str(question.decisions))
    else:
        thresholds = _thresholds(question, scores, precise, truth, names)
        decisions = decide(scores, thresholds)
    second = _second(question, question.against, truth, names) if question.against else None
    intervals, differences = _drawn(question, System(scores, decisions), second, truth, groups)
    return Report(
        figures=mediaeval(scores, truth, decisions),
        notes=_choices(question) + remarks(truth, decisions, names),
        rows=label_rows(scores, truth, decisions, thresholds, names) if question.labels else [],
        other=_other(scores, truth) if question.labels else {},
        drawn=_how(question, groups) if question.draws else None,
        intervals=intervals,
        differences=differences,
    )


def _second(question: Question, path: Path, truth: checks.Truth, names: Sequence[str]) -> System:
    """Return the system to compare with; its decisions are made by the same rule, or not at all if files hold them."""
    scores, precise = _scores(path, truth)
    if question.decisions:
        return System(scores, None)
    return System(scores, decide(scores, _thresholds(question, scores, precise, truth, names)))


def _scores(path: Path, truth: checks.Truth) -> tuple[checks.Scores, np.dtype[Any]]:
    """Return a file's scores and the type they have there."""
    found = read_array(path)
    return checks.check_scores(found, truth.shape, str(path)), found.dtype


def _thresholds(
    question: Question, scores: checks.Scores, precise: np.dtype[Any], truth: checks.Truth, names: Sequence[str]
) -> NDArray[np.float64]:
    if question.thresholds is None:
        return best_f1_thresholds(scores, truth)
    found = read_thresholds(question.thresholds, names, precise)
    return checks.check_thresholds(found, len(names), str(question.thresholds))


def _drawn(
    question: Question, system: System, second: System | None, truth: checks.Truth, groups: Sequence[str] | range
) -> tuple[dict[str, tuple[float, float]], dict[str, Difference]]:
    """Return the intervals, and the differences from the second system, of all figures that exist."""
    if not question.draws:
        return {}, {}
    figures = mediaeval(system.scores, truth, system.decisions)
    draws = drawn_figures(system, truth, groups, question.draws, question.seed)
    intervals = {
        name: _within(interval(without_bias(draws[:, i], figures[name])), 0)
        for i, name in enumerate(NAMES)
        if np.isfinite(figures[name])
    }
    if second is None:
        return intervals, {}
    others = mediaeval(second.scores, truth, second.decisions)
    apart = np.subtract(draws, drawn_figures(second, truth, groups, question.draws, question.seed))
    differences = {}
    for i, name in enumerate(NAMES):
        difference = figures[name] - others[name]
        if np.isfinite(difference):
            moved = without_bias(apart[:, i], difference)
            low, high = _within(interval(moved), -1)
            differences[name] = Difference(others[name], difference, low, high, p_value(moved))
    return intervals, differences


def _within(ends: tuple[float, float], lowest: float) -> tuple[float, float]:
    """Return an interval without what no figure can reach."""
    return max(ends[0], lowest), min(ends[1], 1.0)


def _how(question: Question, groups: Sequence[str] | range) -> Drawn:
    return Drawn(question.draws, "group" if question.groups else "song", len(set(groups)), question.seed)


def _other(scores: checks.Scores, truth: checks.Truth) -> dict[str, float]:
    found = {}
    if is_exclusive(truth):
        found["accuracy"] = accuracy(scores, truth.argmax(axis=1))
    if are_probabilities(scores):
        found["calibration-error"] = calibration_error(scores.ravel(), truth.ravel())
    return found


def _choices(question: Question) -> list[str]:
    """Return what was decided for the user, a line each."""
    lines = []
    if not question.rule_chosen:
        lines.append(
            "thresholds: each label's best F on these very songs, as MediaEval's; precision, recall, F flatter"
        )
    if question.decisions and question.against:
        lines.append("--against compares the areas only: --decisions are the first system's")
    return lines
