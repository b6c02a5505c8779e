"""An experiment's table as text, Markdown, JSON and a plot.

write_report(table, heading, Path("runs/experiments/table1"))      # table.md, table.json, table.png
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from train.experiments.summary import Estimate, Table, TableRow


def as_markdown(table: Table, heading: str) -> str:
    """Return title, heading and the rows, the published ones below."""
    names = table.plan.figures
    lines = [f"## {table.plan.title}", "", heading, ""]
    columns = ["split", "system", *names, "difference (PR-AUC-macro)" if "PR-AUC-macro" in names else "", "steps"]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in table.rows:
        cells = [row.how, row.system, *(shown(row.figures[name]) for name in names), _difference(row)]
        lines.append("| " + " | ".join([*cells, f"{row.steps:.0f}" if row.steps else "–"]) + " |")
    for published in table.plan.published:
        cells = [
            "published",
            f"{published.system}: {published.data}",
            *(f"{published.figures[name]:.4f}" if name in published.figures else "–" for name in names),
        ]
        lines.append("| " + " | ".join([*cells, "", ""]) + " |")
    lines += ["", f"Seeds {', '.join(map(str, table.seeds))}: mean, and its 95 % interval by Student's t in brackets."]
    lines[-1] += " Differences are taken seed by seed, on the same songs."
    if any(row.how != "given" for row in table.rows):
        lines[-1] += " Each seed draws split, weights and batches; the intervals allow for overlapping training songs"
        lines[-1] += " (Nadeau and Bengio)."
    if any(row.how == "given" for row in table.rows):
        lines[-1] += " With the given split the seeds differ in weights and batches only."
    if any(name.startswith(("precision", "recall", "F-score")) for name in names):
        lines[-1] += " Thresholds are chosen on the test songs, as MediaEval's published ones, which flatters."
    lines += ["", *(f"- {remark}" for remark in table.remarks)] if table.remarks else []
    return "\n".join(lines) + "\n"


def shown(estimate: Estimate, sign: str = "") -> str:
    """Return a figure with its interval, ``.512 [.470–.554]``."""
    if math.isnan(estimate.mean):
        return "–"
    text = f"{estimate.mean:{sign}.3f}"
    return text if math.isnan(estimate.low) else f"{text} [{estimate.low:{sign}.3f} … {estimate.high:{sign}.3f}]"


def as_json(table: Table, heading: str) -> str:
    """Return everything for programs."""
    values = {
        "title": table.plan.title,
        "heading": heading,
        "seeds": table.seeds,
        "rows": [dataclasses.asdict(row) for row in table.rows],
        "remarks": table.remarks,
        "published": [dataclasses.asdict(row) for row in table.plan.published],
    }
    return json.dumps(_without_nan(values), indent=1)


def write_report(table: Table, heading: str, folder: Path) -> None:
    """Write table.md, table.json and table.png into the experiment's folder."""
    (folder / "table.md").write_text(as_markdown(table, heading), encoding="utf-8")
    (folder / "table.json").write_text(as_json(table, heading), encoding="utf-8")
    draw(table, heading, folder / "table.png")


def draw(table: Table, heading: str, path: Path) -> None:
    """Draw each system's figure with its interval and its seeds, and the differences, a panel a split."""
    name = "PR-AUC-macro"
    splits = list(dict.fromkeys(row.how for row in table.rows))
    height = 1.2 + 0.42 * max(sum(row.how == how for row in table.rows) for how in splits)
    figure = Figure(figsize=(10, height * len(splits) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{table.plan.title}\n{heading}", fontsize="medium")
    panels = figure.subplots(len(splits), 2, squeeze=False)
    for how, (left, right) in zip(splits, panels, strict=True):
        rows = [row for row in table.rows if row.how == how]
        _panel(left, [(row.system, row.figures[name]) for row in rows], f"{name}, {how} split")
        against = [(row.system, row.differences[name]) for row in rows if row.against]
        others = dict.fromkeys(row.against for row in rows if row.against)
        _panel(right, against, f"difference to {', '.join(others)}")
        right.axvline(0, color="0.5", linewidth=1)
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, estimates: Sequence[tuple[str, Estimate]], title: str) -> None:
    axes.set_title(title, fontsize="medium")
    for place, (_, estimate) in enumerate(estimates):
        if not math.isnan(estimate.low):
            axes.plot([estimate.low, estimate.high], [place, place], color="0.55", linewidth=2)
        axes.plot(estimate.values, [place] * len(estimate.values), ".", color="#d97706", zorder=3)
        axes.plot(estimate.mean, place, "o", color="#1d4ed8", zorder=4)
    axes.set_yticks(range(len(estimates)), [name for name, _ in estimates])
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _difference(row: TableRow) -> str:
    return shown(row.differences["PR-AUC-macro"], "+") if "PR-AUC-macro" in row.differences else ""


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
