"""The picture of an evening: who leads, all moods over time, events, tracks, and each mood's share.

draw(evening, Path("evening.png"))         # or .svg, .pdf: what Matplotlib writes

Needs matplotlib, which is imported with this module only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stream.common.colours import colours as colours_of
from stream.common.errors import StreamError
from stream.common.text import plain
from stream.evening.evening import Evening, leaders, leading, runs, smoothed, statuses

_PAPER, _INK, _PALE, _GRID = "#FCFBF8", "#23262E", "#8B8D95", "#E7E4DC"
_SILENCE, _GAP = "#ECE9E1", "#D9D4C8"
_LINES = 6  # moods drawn strongly; the others are thin
_OTHER_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Noto Sans", "Noto Emoji")


def draw(evening: Evening, path: Path) -> None:
    """Draw an evening into a file; one of that name is replaced.

    Args:
        evening: what to draw.
        path: of a kind that matplotlib writes, by its ending.

    Raises:
        StreamError: it cannot be written.
    """
    with matplotlib.rc_context({"font.family": _fonts(), "svg.hashsalt": "moodstream"}):
        _draw(evening, path)


def _fonts() -> list[str]:
    """Return the font, and behind it those of this machine that have letters which it has not."""
    there = set(get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_FONTS if name in there)]


def _draw(evening: Evening, path: Path) -> None:
    lanes = _lanes(evening)
    heights = [0.42, 4.6, max(0.25, 0.2 * len(lanes)), 0.5]
    figure = Figure(figsize=(14, 2.4 + 1.15 * sum(heights)), facecolor=_PAPER)
    grid = figure.add_gridspec(
        4, 2, height_ratios=heights, width_ratios=[5, 1.15], hspace=0.09, wspace=0.035, left=0.05, right=0.975
    )
    grid.update(top=1 - 1.05 / figure.get_figheight(), bottom=0.55 / figure.get_figheight())
    colours = colours_of(evening.labels)
    ribbon, lines, events, tracks = (figure.add_subplot(grid[row, 0]) for row in range(4))
    _title(figure, evening)
    _ribbon(ribbon, evening, colours)
    _moods(lines, evening, colours)
    _events(events, lanes, colours)
    _tracks(tracks, evening, colours)
    _shares(figure.add_subplot(grid[:, 1]), evening, colours)
    for axes in (ribbon, lines, events, tracks):
        _finish(axes, evening, is_last=axes is tracks)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a title in letters that the font has not
        try:
            figure.savefig(path, dpi=140, facecolor=_PAPER, metadata=_no_date(path))
        except OSError as error:
            raise StreamError(f"cannot write {plain(str(path))}: {error.strerror or error}") from None


def _title(figure: Figure, evening: Evening) -> None:
    height = figure.get_figheight()
    names = ", ".join(plain(Path(name).name or name) for name in evening.names[:3])
    more = f" and {len(evening.names) - 3} more" if len(evening.names) > 3 else ""
    what = "The mood of the evening" if evening.is_live else "The mood of the music"
    figure.text(0.05, 1 - 0.42 / height, what, size=21, color=_INK, weight="bold", va="center")
    began = evening.began.astimezone()
    parts = [_short(names, 70) + more, f"{began:%-d %B %Y, %H:%M}", _span(evening.length)]
    parts += [f"{_span(evening.seconds('silence'))} of silence"] if evening.seconds("silence") else []
    parts += [f"{_span(evening.seconds('gap'))} lost"] if evening.seconds("gap") else []
    figure.text(0.05, 1 - 0.78 / height, "   ·   ".join(parts), size=11, color=_PALE, va="center", parse_math=False)


def _ribbon(axes: Axes, evening: Evening, colours: dict[str, str]) -> None:
    parts = runs(leaders(evening))
    if not parts:
        _note(axes, "no mood leads")
    for begin, end, mood in parts:
        axes.axvspan(begin, end, color=colours[mood], lw=0)
        if 95 * (end - begin) / evening.length > len(_plain(mood)) + 1:
            axes.text(
                (begin + end) / 2,
                0.5,
                _plain(mood),
                ha="center",
                va="center",
                color="white",
                size=10,
                weight="bold",
                parse_math=False,
                transform=axes.get_xaxis_transform(),
                clip_on=True,
            )


def _moods(axes: Axes, evening: Evening, colours: dict[str, str]) -> None:
    for begin, end, status in runs(statuses(evening)):
        if status != "ok":
            hatch = "////" if status == "gap" else None
            axes.axvspan(begin, end, facecolor=_SILENCE, edgecolor=_GAP, hatch=hatch, lw=0)
    for rank, mood in reversed(list(enumerate(evening.labels))):
        times, values = smoothed(evening, mood)
        if rank < _LINES:
            axes.fill_between(times, values, color=colours[mood], alpha=0.10, lw=0)
            axes.plot(times, values, color=colours[mood], lw=2.4, solid_capstyle="round")
        else:
            axes.plot(times, values, color=colours[mood], lw=1.0, alpha=0.55)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0], ["25 %", "50 %", "75 %", "100 %"])


def _events(axes: Axes, lanes: dict[str, list[tuple[float, float]]], colours: dict[str, str]) -> None:
    for row, (mood, spans) in enumerate(lanes.items()):
        axes.broken_barh(spans, (row + 0.18, 0.64), color=colours.get(mood, _PALE), lw=0)
    axes.set_ylim(max(1, len(lanes)), 0)
    axes.set_yticks([row + 0.5 for row in range(len(lanes))], [_plain(mood) for mood in lanes], parse_math=False)
    if not lanes:
        _note(axes, "no mood held for long enough to be an event")


def _note(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_PALE, size=9)


def _tracks(axes: Axes, evening: Evening, colours: dict[str, str]) -> None:
    for track in evening.tracks:
        width = track.end - track.begin
        colour = colours.get(leading(track.moods) or "", _GAP)
        axes.axvspan(track.begin, track.end, ymin=0.12, ymax=0.88, facecolor=colour, alpha=0.28, edgecolor=_PAPER, lw=2)
        letters = int(width / evening.length * 150)
        if letters >= 6:
            name = _short(plain(Path(track.name).name or track.name), letters)
            axes.text(
                track.begin + width / 2,
                0.5,
                name,
                ha="center",
                va="center",
                size=8.5,
                color=_INK,
                parse_math=False,
                transform=axes.get_xaxis_transform(),
                clip_on=True,
            )


def _shares(axes: Axes, evening: Evening, colours: dict[str, str]) -> None:
    shares, means = evening.shares(), evening.means()
    labels = evening.labels[:14]
    most = max(shares.values(), default=1.0)
    for row, mood in enumerate(labels):
        share = shares.get(mood, 0.0)
        axes.barh(row, max(share, 0.015 * most), height=0.24, color=colours[mood])
        axes.text(0, row - 0.3, _plain(mood), size=11, weight="bold", color=_INK, va="center", parse_math=False)
        axes.text(
            1,
            row - 0.3,
            f"{100 * share:.0f} %",
            size=11,
            color=_INK,
            va="center",
            ha="right",
            transform=axes.get_yaxis_transform(),
        )
        axes.text(0, row + 0.25, f"on average {100 * means[mood]:.0f} %", size=8, color=_PALE, va="center")
    axes.set_ylim(max(len(labels), 6) - 0.2, -1.25)
    axes.set_xlim(0, most)
    axes.text(0, -1.05, "how long each mood leads", size=9.5, color=_PALE, va="center")
    axes.set_axis_off()


def _finish(axes: Axes, evening: Evening, *, is_last: bool) -> None:
    axes.set_xlim(0, evening.length)
    axes.set_facecolor(_PAPER)
    axes.grid(axis="x", color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, colors=_PALE, labelbottom=is_last)
    axes.xaxis.set_major_formatter(FuncFormatter(_clock(evening)))
    step = next((step for step in _STEPS if evening.length / step <= 9), _STEPS[-1])
    first = (-_of_day(evening) % step) if evening.is_live else 0.0
    ticks = np.arange(first, evening.length + 1e-6, step)
    axes.set_xticks(ticks if len(ticks) < 40 else [])
    if len(ticks) >= 40:  # of weeks
        axes.xaxis.set_major_locator(MaxNLocator(9))
    if axes.get_ylim() == (0.0, 1.0) and not axes.lines:
        axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def _of_day(evening: Evening) -> float:
    began = _zero(evening)
    return began.hour * 3600 + began.minute * 60 + began.second + began.microsecond / 1e6


def _zero(evening: Evening) -> datetime:
    first = evening.windows[0]
    return (evening.began - timedelta(seconds=first.end - first.begin)).astimezone()


def _clock(evening: Evening) -> Callable[[float, Any], str]:
    def of_day(seconds: float, _: Any) -> str:
        when = _zero(evening) + timedelta(seconds=seconds + 0.001)
        return f"{when:%H:%M:%S}" if evening.length < 300 else f"{when:%H:%M}"

    def of_sound(seconds: float, _: Any) -> str:
        hours, rest = divmod(round(seconds), 3600)
        return (
            f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if evening.length >= 3600 else f"{rest // 60}:{rest % 60:02d}"
        )

    return of_day if evening.is_live else of_sound


def _lanes(evening: Evening) -> dict[str, list[tuple[float, float]]]:
    lanes: dict[str, list[tuple[float, float]]] = {mood: [] for mood in evening.labels}
    for each in evening.lasting:
        lanes.setdefault(each.mood, []).append((each.begin, each.end - each.begin))
    return {mood: spans for mood, spans in lanes.items() if spans}


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(1, most - 1)]}…"


def _plain(mood: str) -> str:
    return _short(plain(mood), 24)


def _no_date(path: Path) -> dict[str, None] | None:
    """Leave out when the picture was made, where the format would say it: the same evening is the same file."""
    return {"Date": None} if path.suffix.lower() == ".svg" else None
