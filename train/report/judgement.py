"""Scores against annotations: the matrices, and every figure of the report that follows from them.

    labels = judge_labels(matching, songs, outcomes, folder, rule)     # None where no label is judged
    ratings = judge_ratings(matching, songs, outcomes, rule)

The ten MediaEval figures, their intervals and the table are those of ``train.metrics``, computed from the very files
that the report's folder keeps: truth.npy, scores.npy, labels.txt, thresholds.txt, groups.txt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.data.manifest import Entry, Manifest
from train.figures.bootstrap import draws as drawn
from train.figures.bootstrap import interval, without_bias
from train.figures.checks import FigureError
from train.figures.decisions import best_f1_thresholds
from train.figures.ranking import SortedSongs, is_exclusive
from train.figures.report import Question, Report, judge, read_thresholds
from train.report.journal import Outcome, Score, put, put_array, put_lines
from train.report.matching import Matching


def confusion(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count songs by true label (row) and label with the highest score (column), of equal scores the first.

    Args:
        scores: shape (songs, labels).
        truth: shape (songs, labels).

    Returns:
        Shape (labels, labels).
    """
    leads = np.eye(scores.shape[1], dtype=np.int64)[scores.argmax(axis=1)]
    counts: NDArray[np.int64] = truth.astype(np.int64).T @ leads
    return counts


Ends = tuple[float, float]
Floats = NDArray[np.float64]


class LabelIntervals(NamedTuple):
    """A label's 95 % intervals; None where the label has no such figure."""

    roc_auc: Ends | None
    pr_auc: Ends | None


def label_intervals(
    scores: Floats, truth: NDArray[np.bool_], groups: Sequence[str], draws: int, seed: int
) -> list[LabelIntervals]:
    """Return the intervals of each label's two areas.

    Args:
        scores: shape (songs, labels).
        truth: shape (songs, labels).
        groups: what is drawn as a whole, one a song.
        draws: how often.
        seed: of the draws.
    """
    rankings = [SortedSongs(one, positive) for one, positive in zip(scores.T, truth.T, strict=True)]
    whole = np.ones(len(scores))
    areas = np.array([[ranking.areas(weights) for ranking in rankings] for weights in drawn(groups, draws, seed)])
    rows = []
    for number, ranking in enumerate(rankings):
        roc, pr = (_ends(areas[:, number, kind], value) for kind, value in enumerate(ranking.areas(whole)))
        rows.append(LabelIntervals(roc, pr))
    return rows


def other_intervals(
    scores: Floats, truth: NDArray[np.bool_], groups: Sequence[str], draws: int, seed: int, bins: int = 10
) -> dict[str, Ends]:
    """Return the intervals of the accuracy of exclusive labels and of the calibration error.

    Args:
        scores: probabilities, shape (songs, labels).
        truth: shape (songs, labels).
        groups: what is drawn as a whole, one a song.
        draws: how often.
        seed: of the draws.
        bins: of the calibration error.
    """
    # A bin's share of the error is the distance of two sums over its members, and these are sums over songs.
    place = np.minimum((scores * bins).astype(int), bins - 1)
    apart = np.stack([np.where(place == one, scores - truth, 0.0).sum(axis=1) for one in range(bins)], axis=1)
    right = (scores.argmax(axis=1) == truth.argmax(axis=1)).astype(np.float64)

    def error(weights: Floats) -> float:
        return float(np.abs(weights @ apart).sum() / (weights.sum() * scores.shape[1]))

    def accuracy(weights: Floats) -> float:
        return float(weights @ right / weights.sum())

    measures = {"calibration-error": error}
    if is_exclusive(truth):
        measures["accuracy"] = accuracy
    values = [[measure(weights) for measure in measures.values()] for weights in drawn(groups, draws, seed)]
    whole = np.ones(len(scores))
    ends = {name: _ends(np.array(values)[:, i], measure(whole)) for i, (name, measure) in enumerate(measures.items())}
    return {name: pair for name, pair in ends.items() if pair is not None}


def weighted_correlation(
    said: Floats, rated: Floats, groups: Sequence[str], draws: int, seed: int
) -> tuple[float, Ends | None]:
    """Return Pearson's r of two series of shape (songs,), and its interval; NaN and None where one is constant."""
    value = _correlation(said, rated, np.ones(len(said)))
    if not np.isfinite(value) or not draws:
        return value, None
    found = [_correlation(said, rated, weights) for weights in drawn(groups, draws, seed)]
    return value, _ends(np.array(found), value, least=-1.0)


def _correlation(first: Floats, second: Floats, weights: Floats) -> float:
    covariance = np.cov(first, second, aweights=weights, ddof=0)
    spread = float(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / np.sqrt(spread)) if spread > 0 else float("nan")


def _ends(figures: Floats, value: float, least: float = 0.0) -> Ends | None:
    """Return the interval of a figure's draws within what it can reach; None where the figure does not exist."""
    if not np.isfinite(value):
        return None
    low, high = interval(without_bias(figures, value))
    return max(low, least), min(high, 1.0)


BEST_F1 = "best-f1"
_COUNTED = 12
"""Labels whose annotated songs a note counts, the fewest first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """How decisions and intervals are made.

    Attributes:
        thresholds: best-f1, a number for all labels, or a file as of train.metrics.
        chosen: the user said so.
        draws: of the bootstrap; 0 for no intervals.
        group: the metadata that is drawn as a whole, such as ``artist``; None draws songs.
        seed: of the draws.
    """

    thresholds: str = BEST_F1
    chosen: bool = False
    draws: int = 1000
    group: str | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LabelJudgement:
    """The labels' figures.

    Attributes:
        songs: that are judged, in the order of the matrices.
        names: of the labels.
        scores: shape (songs, labels), 0…1.
        truth: shape (songs, labels).
        exclusive: every song has exactly one of the labels.
        report: of train.metrics.
        by_label: intervals, one a label; empty without draws.
        others: intervals of accuracy and calibration error, by name.
    """

    songs: tuple[Entry, ...]
    names: tuple[str, ...]
    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    exclusive: bool
    report: Report
    by_label: list[LabelIntervals]
    others: dict[str, tuple[float, float]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RatingJudgement:
    """One rating's figures.

    Attributes:
        name: of the rating.
        songs: that are rated and scored.
        said: by the model, shape (songs,).
        rated: by the listeners, 0…1, shape (songs,).
        correlation: Pearson's r; NaN where one side is constant.
        interval: of it, 95 %; None without draws.
    """

    name: str
    songs: tuple[Entry, ...]
    said: NDArray[np.float64]
    rated: NDArray[np.float64]
    correlation: float
    interval: tuple[float, float] | None


def judge_labels(
    matching: Matching, songs: Manifest, outcomes: Mapping[str, Outcome], folder: Path, rule: Rule
) -> LabelJudgement | None:
    """Write the matrices into the folder and compute the figures; None if no song is scored and annotated.

    A song takes part if it is annotated with every label that is judged, so that train.metrics can take the matrices:
    what is not annotated is neither right nor wrong. Where that leaves songs out, ``annotated`` says so.

    Raises:
        FigureError: thresholds that do not fit the labels, or only one group to draw.
        UnreadableError: thresholds that cannot be read.
        OSError: a file cannot be written.
    """
    columns = [songs.labels.index(name) for name in matching.labels]
    keep, raw = _scored(songs, outcomes, np.isfinite(songs.rates[:, columns]).all(axis=1))
    if not columns or not keep.any():
        return None
    judged = songs.where(keep)
    scores = np.stack([matching.column(raw, name) for name in matching.labels], axis=1)
    truth = judged.positives()[:, columns]
    names = file_names(matching.labels)
    put_array(folder / "truth.npy", truth.astype(np.uint8))
    put_array(folder / "scores.npy", scores)
    put_lines(folder / "labels.txt", names)
    put_lines(folder / "ids.txt", [entry.id for entry in judged.entries])
    question = Question(
        truth=folder / "truth.npy",
        scores=folder / "scores.npy",
        thresholds=_thresholds(scores, truth, names, folder, rule),
        rule_chosen=rule.chosen,
        labels=folder / "labels.txt",
        draws=rule.draws,
        groups=_groups(judged.entries, folder, rule),
        seed=rule.seed,
    )
    report = judge(question)
    groups = group_numbers(judged.entries, rule.group)
    return LabelJudgement(
        songs=judged.entries,
        names=matching.labels,
        scores=scores,
        truth=truth,
        exclusive=is_exclusive(truth),
        report=report,
        by_label=label_intervals(scores, truth, groups, rule.draws, rule.seed) if rule.draws else [],
        others=other_intervals(scores, truth, groups, rule.draws, rule.seed) if rule.draws else {},
    )


def annotated(labels: Sequence[str], songs: Manifest, outcomes: Mapping[str, Outcome]) -> str | None:
    """Return how many scored songs are annotated with each label, in a line; None where all are with all."""
    scored = songs.where(np.array([isinstance(outcomes.get(entry.id), Score) for entry in songs.entries], bool))
    known = np.isfinite(scored.rates[:, [songs.labels.index(name) for name in labels]])
    every, rows = int(known.all(axis=1).sum()), sorted(zip(known.sum(axis=0).tolist(), labels, strict=True))
    if every == len(scored):
        return None
    line = f"{every} of {len(scored)} scored songs are annotated with every label that is judged: the rest is left out"
    if rows[-1][0] == every:  # no label is on more songs
        return line
    each = ", ".join(f"{name} {count}" for count, name in rows[:_COUNTED]) + ", …" * (len(rows) > _COUNTED)
    return f"{line}; songs by label: {each} (--labels A,B judges fewer labels on more songs)"


def judge_ratings(
    matching: Matching, songs: Manifest, outcomes: Mapping[str, Outcome], rule: Rule
) -> list[RatingJudgement]:
    """Return the figures of each rating that at least two songs have."""
    found = []
    for name in matching.ratings:
        column = songs.rates[:, songs.labels.index(name)]
        keep, raw = _scored(songs, outcomes, ~np.isnan(column))
        if keep.sum() < 2:
            continue
        said, rated = matching.column(raw, name), column[keep].astype(np.float64)
        entries = songs.where(keep).entries
        groups = group_numbers(entries, rule.group)
        value, interval = weighted_correlation(said, rated, groups, rule.draws, rule.seed)
        found.append(RatingJudgement(name, entries, said, rated, value, interval if rule.draws else None))
    return found


def _scored(
    songs: Manifest, outcomes: Mapping[str, Outcome], annotated: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which songs are annotated and scored, and the raw scores of these, (songs, outputs of the model)."""
    found = [outcomes.get(entry.id) for entry in songs.entries]
    keep = annotated & np.array([isinstance(outcome, Score) for outcome in found], bool)
    rows = [outcome.probabilities for outcome, kept in zip(found, keep, strict=True) if kept and outcome]  # type: ignore[union-attr]
    return keep, np.array(rows, np.float64)


def _thresholds(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], names: Sequence[str], folder: Path, rule: Rule
) -> Path | None:
    """Write thresholds.txt, so that the decisions can be made again here and elsewhere; return it unless best-f1."""
    number = _number(rule.thresholds)
    if rule.thresholds == BEST_F1:
        values = best_f1_thresholds(scores, truth)
    elif number is not None:
        values = np.full(len(names), number)
    else:
        path = Path(rule.thresholds)
        values = read_thresholds(path, names, scores.dtype)
        if values.shape != (len(names),):
            raise FigureError(f"{path}: {len(values)} thresholds, but {len(names)} labels are judged")
    rows = [f"{name}\t{float(value)!r}" for name, value in zip(names, values, strict=True)]
    put(folder / "thresholds.txt", "".join(f"{row}\n" for row in rows).encode())
    return None if rule.thresholds == BEST_F1 else folder / "thresholds.txt"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _groups(entries: Sequence[Entry], folder: Path, rule: Rule) -> Path | None:
    """Write groups.txt: the group of each song on a line, empty where it is unknown; None if songs are drawn."""
    path = folder / "groups.txt"
    if rule.group is None or not rule.draws:
        path.unlink(missing_ok=True)
        return None
    put_lines(path, [entry.metadata.get(rule.group, "") for entry in entries])
    return path


def group_numbers(entries: Sequence[Entry], group: str | None) -> list[str]:
    """Return what is drawn as a whole for each song: its group, or itself where that is unknown."""
    if group is None:
        return [f"{number:09d}" for number in range(len(entries))]
    return [line_of(entry.metadata.get(group, "")) or f"\n{number}" for number, entry in enumerate(entries)]


def file_names(names: Sequence[str]) -> list[str]:
    """Return the labels as they can stand on a line of a text with tabs.

    Raises:
        FigureError: two of them are the same then.
    """
    plain = [line_of(name) for name in names]
    if len(set(plain)) < len(plain):
        raise FigureError("two labels differ only in spaces: no list of them can be written")
    return plain


def line_of(text: str) -> str:
    """Return a text as one line without tabs."""
    return " ".join(text.split())


_EDGE = 1e-6
_LEADING = 3


@dataclasses.dataclass(frozen=True, slots=True)
class WrongSong:
    """A song that was judged wrongly.

    Attributes:
        entry: the song.
        loss: of its labels.
        truth: its labels, with what the model says of each.
        leading: the labels that the model says most, with their probabilities.
    """

    entry: Entry
    loss: float
    truth: tuple[tuple[str, float], ...]
    leading: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class FarSong:
    """A song far from where its rating would put it.

    Attributes:
        entry: the song.
        said: by the model.
        rated: by the listeners, 0…1.
        deviation: of the two from each other, each in standard deviations from its mean.
    """

    entry: Entry
    said: float
    rated: float
    deviation: float


def losses(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each song's loss, shape (songs,), from matrices of shape (songs, labels)."""
    said = np.clip(scores, _EDGE, 1.0 - _EDGE)
    found: NDArray[np.float64] = -np.where(truth, np.log(said), np.log1p(-said)).mean(axis=1)
    return found


def most_wrong(judgement: LabelJudgement, count: int) -> list[WrongSong]:
    """Return the songs with the highest loss, the highest first."""
    loss = losses(judgement.scores, judgement.truth)
    found = []
    for row in np.argsort(-loss, kind="stable")[:count]:
        scores, truth = judgement.scores[row], judgement.truth[row]
        leading = np.argsort(-scores, kind="stable")[:_LEADING]
        found.append(
            WrongSong(
                entry=judgement.songs[row],
                loss=float(loss[row]),
                truth=tuple((judgement.names[i], float(scores[i])) for i in np.flatnonzero(truth)),
                leading=tuple((judgement.names[i], float(scores[i])) for i in leading),
            )
        )
    return found


def furthest(rating: RatingJudgement, count: int) -> list[FarSong]:
    """Return the songs whose prediction is furthest from their rating, both standardised; none if one is constant."""
    if not np.isfinite(rating.correlation):
        return []
    deviation = _standard(rating.said) - _standard(rating.rated)
    order = np.argsort(-np.abs(deviation), kind="stable")[:count]
    return [FarSong(rating.songs[i], float(rating.said[i]), float(rating.rated[i]), float(deviation[i])) for i in order]


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (values - values.mean()) / values.std()
    return found
