"""The learning curve of a run: the training loss, and the figures on the validation songs, over the steps.

draw_curve(read_log(Path("runs/default/seed0/log.csv")), Path("curve.png"))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("#1d4ed8", "#d97706", "#059669", "#be185d", "#7c3aed", "#0e7490", "#65a30d", "#9a3412")
GREY = "#475569"
FIXED = ("step", "seconds", "loss")


def draw_curve(checks: Sequence[Mapping[str, str]], path: Path, title: str = "") -> None:
    """Draw the checks of a run into a PNG: the loss above, each figure below with its best check marked.

    Args:
        checks: rows of a run's log.
        path: of the picture.
        title: above it.
    """
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    above.set_title(title, loc="left", fontsize="medium", color=GREY)
    steps = [int(check["step"]) for check in checks]
    _line(above, steps, [float(check["loss"]) for check in checks], GREY, "training loss")
    names = [name for name in dict.fromkeys(name for check in checks for name in check) if name not in FIXED]
    for number, name in enumerate(names):
        values = [float(check.get(name) or "nan") for check in checks]
        known = [value for value in values if not math.isnan(value)]
        colour = COLOURS[number % len(COLOURS)]
        label = f"{name}, best {max(known):.3f}" if known else f"{name}: nothing to judge by"
        _line(below, steps, values, colour, label)
        if known:
            best = values.index(max(known))
            below.plot(steps[best], values[best], "o", markersize=8, markerfacecolor="white", markeredgecolor=colour)
    above.set_ylabel("training loss")
    below.set_ylabel("validation")
    below.set_xlabel("step")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if names:
        below.legend(fontsize="small", ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    for axes in (above, below):
        axes.margins(y=0.15)
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.tick_params(colors=GREY, length=0)
        axes.grid(axis="y", color="#e2e8f0")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color("#cbd5e1")
    figure.savefig(path, dpi=120)


def _line(axes: Axes, steps: Sequence[int], values: Sequence[float], colour: str, label: str) -> None:
    # One check is a point, not a line of no length.
    marker = "o" if len(steps) < 40 else ""
    axes.plot(steps, values, color=colour, linewidth=1.6, marker=marker, markersize=3.5, label=label)
