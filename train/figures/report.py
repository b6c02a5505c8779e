"""What there is to say of each label, and of the labels that have no figure.

rows = label_rows(scores, truth, decisions, thresholds, names)    # LabelRow(label="calm", positives=61, …)
for line in remarks(truth, decisions, names): ...                 # "2 labels without a positive song (…): left out …"
"""

from __future__ import annotations

import dataclasses
import json
import math
import tokenize
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.figures import checks
from train.figures.bootstrap import interval, p_value, without_bias
from train.figures.calibration import calibration_error
from train.figures.checks import FigureError, Scores, Truth
from train.figures.decisions import NAMES, System, best_f1_thresholds, decide, drawn_figures, mediaeval, tally
from train.figures.ranking import accuracy, is_exclusive, pr_aucs, roc_aucs


class UnreadableError(Exception):
    """A file that cannot be read; the message is one line with its name."""


def read_array(path: Path) -> NDArray[Any]:
    """Return the array in an ``.npy`` file; nothing in it is run, so a pickled one is refused.

    Raises:
        UnreadableError: no such file, or not one array of plain values.
    """
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise UnreadableError(f"{path}: says that it holds more than fits into memory") from error
    except (EOFError, ValueError, OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile) as error:
        # The header is a Python literal, and a garbled one fails in any of these ways; NumPy takes a file that does not
        # begin as .npy for a pickled one, and advises to load that.
        raise UnreadableError(f"{path}: is not a whole .npy file of plain numbers; numpy.save writes one") from error
    if not isinstance(found, np.ndarray):
        raise UnreadableError(f"{path}: holds several arrays (.npz), needed is one (.npy)")
    return found


def read_labels(path: Path, labels: int) -> list[str]:
    """Return the names of the columns: one a line, what follows a tab is ignored, so MTG-Jamendo's lists do.

    Args:
        path: of the text.
        labels: how many there must be.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: another number of names, or one twice.
    """
    names = [line.split("\t")[0].strip() for line in _lines(path) if line.strip()]
    if len(names) != labels:
        raise FigureError(f"{path}: names {len(names)} labels, the truth has {labels}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FigureError(f"{path}: the label {twice!r} stands there twice")
    return names


def read_groups(path: Path, songs: int) -> list[str]:
    """Return each song's group: line n is the artist of row n; an empty line is a group of its own.

    Args:
        path: of the text.
        songs: how many lines there must be.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: another number of lines, or only one group.
    """
    lines = [line.strip() for line in _lines(path)]
    if len(lines) != songs:
        raise FigureError(f"{path}: has {len(lines)} lines, the truth has {songs} songs")
    # No stripped line can hold a line feed, so the names made up here meet no other.
    groups = [line or f"\n{number}" for number, line in enumerate(lines)]
    if len(set(groups)) < 2:
        raise FigureError(f"{path}: all songs are of one group ({lines[0]}), so there is nothing to draw")
    return groups


def read_thresholds(path: Path, names: Sequence[str], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the thresholds in an ``.npy`` file or a text, as they stand there; their number is not checked.

    A text has one a line, in the order of the columns, or as MediaEval's script writes it: label, tab, threshold. Such
    lines are put into the order of the columns if they name the same labels.

    Args:
        path: of the file.
        names: of the columns.
        dtype: of the scores. A text's numbers become of that type, so that a threshold written from a float32 score
            equals it.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: a line without a number, or a label twice.
    """
    if path.suffix == ".npy":
        return read_array(path)
    values: dict[str, float] = {}
    for number, line in enumerate(_lines(path)):
        if not line.strip():
            continue
        label, tab, text = line.rpartition("\t")
        label = label.strip() if tab else f"\n{number}"
        try:
            value = float(text)
        except ValueError as error:
            raise FigureError(f"{path}: line {number + 1}: {text.strip()!r} is no threshold") from error
        if label in values:
            raise FigureError(f"{path}: line {number + 1}: the label {label!r} stands there twice")
        values[label] = value
    chosen = [values[name] for name in names] if set(values) == set(names) else list(values.values())
    return np.array(chosen, dtype if dtype.kind == "f" else np.float64)


def _lines(path: Path) -> list[str]:
    try:
        # Only the line ends that editors make: a title may hold the others that str.splitlines knows.
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path}: is not UTF-8 text") from error


_NAMED = 5
"""Labels that a remark names; of more it gives the number."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label's figures, 0…1; None where there is none.

    Attributes:
        label: its name.
        positives: songs that have it.
        threshold: above which it was decided; None where the decisions came from elsewhere.
        calibration_error: None where a score is no probability.
    """

    label: str
    positives: int
    threshold: float | None
    roc_auc: float | None
    pr_auc: float | None
    precision: float
    recall: float
    f_score: float
    calibration_error: float | None


def label_rows(
    scores: Scores, truth: Truth, decisions: Truth, thresholds: NDArray[np.float64] | None, names: Sequence[str]
) -> list[LabelRow]:
    """Return a row for each label, in the order of the columns.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.
        decisions: the same shape, 0 or 1.
        thresholds: shape (labels,), if that is how the decisions were made.
        names: of the labels.

    Raises:
        FigureError: the matrices are others.
    """
    roc, pr = roc_aucs(scores, truth), pr_aucs(scores, truth)
    agreement = tally(decisions, truth).by_label()
    probable = are_probabilities(scores)
    return [
        LabelRow(
            label=name,
            positives=int(truth[:, i].sum()),
            threshold=None if thresholds is None else _known(thresholds[i]),
            roc_auc=_known(roc[i]),
            pr_auc=_known(pr[i]),
            precision=float(agreement.precision[i]),
            recall=float(agreement.recall[i]),
            f_score=float(agreement.f_score[i]),
            calibration_error=calibration_error(scores[:, i], truth[:, i]) if probable else None,
        )
        for i, name in enumerate(names)
    ]


def are_probabilities(scores: Scores) -> bool:
    """Tell whether all scores lie in 0…1."""
    return bool(((scores >= 0) & (scores <= 1)).all())


def remarks(truth: Truth, decisions: Truth, names: Sequence[str]) -> list[str]:
    """Return a line for each kind of label that has not all figures, or is never decided although songs have it.

    Args:
        truth: shape (songs, labels).
        decisions: the same shape.
        names: of the labels.
    """
    absent = np.asarray(~truth.any(axis=0))
    present = np.asarray(truth.all(axis=0))
    never = np.asarray(~decisions.any(axis=0)) & ~absent
    lines = []
    if absent.any():
        lines.append(
            f"{_named(absent, names)} without a positive song: left out of ROC-AUC-macro and PR-AUC-macro; "
            "precision, recall and F count 0, as in MediaEval's evaluation"
        )
    if present.any():
        lines.append(f"{_named(present, names)} without a negative song: left out of ROC-AUC-macro")
    if never.any():
        lines.append(
            f"{_named(never, names)} decided for no song although some have it: precision, recall and F count 0 "
            "(no score is above its threshold; MediaEval decides score > threshold)"
        )
    return lines


def _named(chosen: NDArray[np.bool_], names: Sequence[str]) -> str:
    found = [name for name, one in zip(names, chosen, strict=True) if one]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{len(found)} label{'s' * (len(found) > 1)} ({', '.join(found[:_NAMED])}{more})"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


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


def as_json(report: Report) -> str:
    """Return one JSON object: the ten figures by name, null for one that does not exist; the rest where there is any.

    "notes": list of lines. "per_label": list of objects, a label each. "other": object of figures. "bootstrap": draws,
    unit, units, seed. "intervals": name to [low, high]. "against": name to an object with difference, interval and p.
    """
    found: dict[str, Any] = {name: _number(value) for name, value in report.figures.items()}
    if report.notes:
        found["notes"] = report.notes
    if report.rows:
        found["per_label"] = [dataclasses.asdict(row) for row in report.rows]
        found["other"] = report.other
    if report.drawn:
        found["bootstrap"] = dataclasses.asdict(report.drawn)
        found["intervals"] = {name: [_number(end) for end in ends] for name, ends in report.intervals.items()}
    if report.differences:
        found["against"] = {name: _numbers(dataclasses.asdict(one)) for name, one in report.differences.items()}
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def as_text(report: Report) -> str:
    """Return the ten figures, a line each, and tables of what else there is, for a fixed-width font."""
    lines = []
    for name, value in report.figures.items():
        low, high = report.intervals.get(name, (None, None))
        lines.append(f"{name:<17}  {_shown(value)}" + (f"   {_shown(low)} … {_shown(high)}" if report.drawn else ""))
    lines += [f"{name:<17}  {_shown(value)}" for name, value in report.other.items()]
    if report.drawn:
        drawn = report.drawn
        lines += ["", f"95 % intervals: {drawn.draws} draws of {drawn.units} {drawn.unit}s, seed {drawn.seed}"]
    if report.differences:
        lines += ["", f"{'':<17}  second    difference  95 % interval           p"]
        lines += [
            f"{name:<17}  {_shown(one.second)}  {one.difference:+.6f}   {one.low:+.6f} … {one.high:+.6f}  {one.p:.4f}"
            for name, one in report.differences.items()
        ]
    if report.rows:
        lines += ["", *_table(report)]
    return "\n".join(lines)


def _table(report: Report) -> list[str]:
    width = max(len("label"), *(len(row.label) for row in report.rows))
    heading = "positives  threshold  ROC-AUC   PR-AUC    precision  recall    F-score   calibration error"
    return [f"{'label':<{width}}  {heading}"] + [
        f"{row.label:<{width}}  {row.positives:>9}  {_shown(row.threshold):<9}  {_shown(row.roc_auc):<8}  "
        f"{_shown(row.pr_auc):<8}  {_shown(row.precision):<9}  {_shown(row.recall)}  {_shown(row.f_score)}  "
        f"{_shown(row.calibration_error)}"
        for row in report.rows
    ]


def _shown(value: float | None) -> str:
    """Return six decimals, as MediaEval's script prints; a dash where there is no figure."""
    return "-" if value is None or math.isnan(value) else f"{value:.6f}"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}
