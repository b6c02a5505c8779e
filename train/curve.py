"""The learning curve of a run: the training loss, and the figures on the validation songs, over the steps.

draw_curve(read_log(Path("runs/default/seed0/log.csv")), Path("curve.png"))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_curve(checks: Sequence[Mapping[str, str]], path: Path) -> None:
    """Draw the checks of a run into a PNG.

    Args:
        checks: rows of a run's log.
        path: of the picture.
    """
    figure = Figure(figsize=(7, 5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    steps = [int(check["step"]) for check in checks]
    above.plot(steps, [float(check["loss"]) for check in checks], color="0.3", marker=".")
    above.set_ylabel("training loss")
    for name in checks[-1]:
        if name not in ("step", "seconds", "loss"):
            below.plot(steps, [float(check.get(name) or "nan") for check in checks], marker=".", label=name)
    below.set_ylabel("validation")
    below.set_xlabel("step")
    below.legend(fontsize="small", ncols=2, frameon=False)
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
