"""The plots of a report, as PNG, on a light or a dark page.

    for name, plot in plots_of(labels, ratings).items():
        png = drawn(plot, LIGHT)

A plot is a function that fills a figure, so that one and the same is drawn for either page.
"""

from __future__ import annotations

import dataclasses
import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from train.figures.calibration import reliability
from train.report.judgement import LabelJudgement, RatingJudgement, confusion

_COUNTED = 20
"""Up to so many labels the confusion matrix shows its numbers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a page: paper, ink, faint lines, and two accents."""

    paper: str
    ink: str
    faint: str
    accent: str
    second: str

    def settings(self) -> dict[str, Any]:
        """Return matplotlib's settings."""
        lines = dict.fromkeys(("axes.edgecolor", "grid.color"), self.faint)
        texts = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), self.ink)
        papers = dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), self.paper)
        return {
            **lines,
            **texts,
            **papers,
            "font.size": 10.0,
            "axes.titlesize": 10.0,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "text.parse_math": False,  # a label may hold dollar signs
        }


LIGHT = Theme("#ffffff", "#1f2328", "#d5dae0", "#1f6f9f", "#c2502e")
DARK = Theme("#16191e", "#e4e7eb", "#3b424b", "#5cb2e6", "#f08a64")

Plot = Callable[[Theme], Figure]


def drawn(plot: Plot, theme: Theme) -> bytes:
    """Return a plot as PNG."""
    with matplotlib.rc_context(theme.settings()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box for a letter that no font here has
        data = io.BytesIO()
        figure = plot(theme)
        figure.savefig(data, format="png", dpi=120, metadata={"Software": None})
    return data.getvalue()


def plots_of(labels: LabelJudgement | None, ratings: Sequence[RatingJudgement]) -> dict[str, Plot]:
    """Return the plots that there is something to show in, by the name of their file without suffix."""
    found: dict[str, Plot] = {}
    if labels is not None:
        found["labels"] = lambda theme: _labels(labels, theme)
        if labels.truth.any():
            found["precision-recall"] = lambda theme: _curves(labels, theme)
        found["reliability"] = lambda theme: _reliability(labels, theme)
        if len(labels.names) > 1 and labels.truth.any():
            found["confusion"] = lambda theme: _confusion(labels, theme)
    if ratings:
        found["ratings"] = lambda theme: _ratings(ratings, theme)
    return found


def short(name: str, length: int = 24) -> str:
    """Return a label as it fits into a plot: one line of letters that can be printed."""
    plain = "".join(letter if letter.isprintable() else "·" for letter in name)
    return plain if len(plain) <= length else f"{plain[: length - 1]}…"


def _labels(labels: LabelJudgement, theme: Theme) -> Figure:
    """Each label's areas with their intervals, the best on top; a tick where a guess would be."""
    rows = labels.report.rows
    order = sorted(range(len(rows)), key=lambda i: (rows[i].pr_auc is not None, rows[i].pr_auc or 0.0))
    figure = Figure(figsize=(9.0, 1.3 + 0.27 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    share = labels.truth.mean(axis=0)
    for axes, title, kind, guess in (
        (left, "PR-AUC", "pr_auc", share),
        (right, "ROC-AUC", "roc_auc", np.full(len(rows), 0.5)),
    ):
        for place, i in enumerate(order):
            value = getattr(rows[i], kind)
            ends = getattr(labels.by_label[i], kind) if labels.by_label else None
            if value is None:
                axes.text(0.02, place, "no figure", va="center", color=theme.ink, alpha=0.6, fontsize=8)
                continue
            if ends is not None:
                axes.plot(ends, (place, place), color=theme.accent, linewidth=2.5, alpha=0.45, solid_capstyle="round")
            axes.plot(value, place, "o", color=theme.accent, markersize=5)
            axes.plot(guess[i], place, "|", color=theme.second, markersize=9, markeredgewidth=1.6)
        axes.set(xlim=(0, 1), ylim=(-0.7, len(rows) - 0.3), title=title)
        axes.grid(axis="x")
        axes.tick_params(length=0)
    left.set_yticks(range(len(rows)), [f"{short(rows[i].label)} ({rows[i].positives})" for i in order])
    return figure


def _curves(labels: LabelJudgement, theme: Theme) -> Figure:
    """A small precision–recall curve for each label that a song has."""
    shown = np.flatnonzero(labels.truth.any(axis=0))
    across = min(len(shown), 4 if len(shown) <= 12 else 5 if len(shown) <= 30 else 7)
    down = math.ceil(len(shown) / across)
    side = 9.0 / max(across, 3)
    wide, high = side * across + 0.7, side * down + 0.6
    figure = Figure(figsize=(wide, high))
    grid = figure.subplots(down, across, squeeze=False)
    # By hand, axes not shared: the automatic ways take ten seconds for as many labels as MediaEval has.
    figure.subplots_adjust(0.62 / wide, 0.52 / high, 1 - 0.1 / wide, 1 - 0.3 / high, wspace=0.12, hspace=0.3)
    size = {5: 8.5, 7: 7.5}.get(across, 10.0)
    ticks, words, none = (0, 0.5, 1), ("0", "½", "1"), ("", "", "")
    for place, (axes, i) in enumerate(zip(grid.flat, shown, strict=False)):
        truth, area = labels.truth[:, i], labels.report.rows[i].pr_auc
        precision, recall, _ = precision_recall_curve(truth, labels.scores[:, i])
        axes.plot(recall, precision, color=theme.accent, linewidth=1.6, drawstyle="steps-post")
        axes.axhline(truth.mean(), color=theme.second, linewidth=1.0, linestyle=(0, (3, 2)))
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.04)
        axes.set_xticks(ticks, words if place + across >= len(shown) else none)  # the last one of its column
        axes.set_yticks(ticks, none if place % across else words)
        axes.set_title(f"{short(labels.names[i], 60 // across)}  {area:.2f}", fontsize=size)
        axes.tick_params(labelsize=size, length=2)
        axes.grid()
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    figure.supxlabel("recall", fontsize=10, y=0.06 / high)
    figure.supylabel("precision", fontsize=10, x=0.06 / wide)
    return figure


def _reliability(labels: LabelJudgement, theme: Theme) -> Figure:
    """What was said against what came true, over all pairs of song and label, and how many pairs there are."""
    places = reliability(labels.scores.ravel(), labels.truth.ravel())
    figure = Figure(figsize=(5.2, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot((0, 1), (0, 1), color=theme.second, linewidth=1.0, linestyle=(0, (3, 2)))
    said, came = [place.probability for place in places], [place.share for place in places]
    above.plot(said, came, "o-", color=theme.accent, linewidth=1.4, markersize=5)
    above.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share that is true")
    above.grid()
    lefts = [min(int(place.probability * 10), 9) / 10 for place in places]
    counts = [place.predictions for place in places]
    below.bar(lefts, counts, width=0.1, align="edge", color=theme.accent, alpha=0.55, edgecolor=theme.paper)
    for left, count in zip(lefts, counts, strict=True):
        below.text(left + 0.05, count, f"{count}", ha="center", va="bottom", fontsize=7.5)
    below.set(xlabel="probability said", ylabel="pairs", yscale="log", ylim=(0.7, max(counts) * 6))
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.yaxis.set_minor_locator(NullLocator())
    return figure


def _confusion(labels: LabelJudgement, theme: Theme) -> Figure:
    matrix = confusion(labels.scores, labels.truth)
    total = labels.truth.sum(axis=0)[:, None]
    shares = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    count = len(labels.names)
    side = min(max(4.2, 0.55 * count + 1.6), 12.0)
    figure = Figure(figsize=(side + 0.7, side), layout="constrained")
    axes = figure.subplots()
    colours = LinearSegmentedColormap.from_list("share", [theme.paper, theme.accent])
    image = axes.imshow(shares, cmap=colours, vmin=0, vmax=1 if count <= _COUNTED else max(0.2, shares.max()))
    size = 9.5 if count <= _COUNTED else 7.0
    names = [short(name, 18) for name in labels.names]
    axes.set_xticks(range(count), names, rotation=45 if count <= _COUNTED else 90, ha=_anchor(count), fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    axes.set(xlabel="leading label", ylabel="true label")
    axes.tick_params(length=0)
    if count <= _COUNTED:
        for row, column in np.ndindex(matrix.shape):
            colour = theme.paper if shares[row, column] > 0.6 else theme.ink
            axes.text(column, row, f"{matrix[row, column]}", ha="center", va="center", fontsize=9, color=colour)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, label="share of the row's songs")
    bar.outline.set_visible(False)
    return figure


def _anchor(count: int) -> str:
    return "right" if count <= _COUNTED else "center"


def _ratings(ratings: Sequence[RatingJudgement], theme: Theme) -> Figure:
    across = min(len(ratings), 3)
    down = math.ceil(len(ratings) / across)
    figure = Figure(figsize=(4.6 * across, 4.3 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for axes, rating in _paired(grid, ratings):
        axes.plot(rating.rated, rating.said, "o", color=theme.accent, alpha=0.55, markersize=4.5, markeredgewidth=0)
        if np.isfinite(rating.correlation):
            slope, level = np.polyfit(rating.rated, rating.said, 1)
            ends = np.array([rating.rated.min(), rating.rated.max()])
            axes.plot(ends, slope * ends + level, color=theme.second, linewidth=1.4)
        axes.set(xlabel="rated (0…1)", ylabel="said by the model")
        axes.set_title(f"{short(rating.name)}  r = {rating.correlation:.2f}, {len(rating.songs)} songs")
        axes.grid()
    return figure


def _paired(grid: NDArray[Any], ratings: Sequence[RatingJudgement]) -> Iterator[tuple[Axes, RatingJudgement]]:
    yield from zip(grid.flat, ratings, strict=False)
    for axes in list(grid.flat)[len(ratings) :]:
        axes.set_axis_off()
