"""A report of ``train.metrics`` as text for people or JSON for programs.

print(as_text(report))
figures = json.loads(as_json(report))["PR-AUC-macro"]
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from train.metrics_report import Report


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
