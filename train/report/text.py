"""A report's figures for the terminal.

print(as_text(document, folder))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train.figures.decisions import NAMES
from train.report.pages import ends, number, visible


def as_text(document: Mapping[str, Any], folder: Path) -> str:
    """Return the figures, a line each, what was left out, and where the report is."""
    songs, lines = document["songs"], []
    intervals = {**document.get("intervals", {}), **document.get("other_intervals", {})}
    figures = {name: document[name] for name in NAMES if name in document} | document.get("other", {})
    lines += [f"{name:<17}  {number(value):<5}   {ends(intervals.get(name))}" for name, value in figures.items()]
    for name, rating in document["ratings"].items():
        lines.append(f"{visible(name) + ' r':<17}  {number(rating['r']):<5}   {ends(rating['interval'])}")
    left = document["left_out"]
    lines += ["", f"{songs['judged']} songs judged of {songs['in_split']}, {songs['left_out']} left out"]
    lines += [f"left out: {visible(song['id'])}: {visible(song['reason'])}" for song in left[:10]]
    if len(left) > 10:
        lines.append(f"left out: {len(left) - 10} more, see figures.json")
    lines += [f"note: {visible(note)}" for note in document["notes"]]
    lines.append(f"report: {folder / 'report.html'}")
    return "\n".join(line.rstrip() for line in lines)
