"""From judged songs to the files of a report's folder.

    document = write_report(evaluation, folder)

The folder gets figures.json, report.md, report.html, songs.csv and the plots as PNG; truth.npy, scores.npy, labels.txt,
ids.txt, thresholds.txt, groups.txt lie there already (train.report.judgement). Plots of a report that was there before
and that this one lacks are removed.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from train.data.manifest import Manifest
from train.report.document import Evaluation, make_document
from train.report.files import put
from train.report.pages import PLOTS, markdown, page
from train.report.plots import DARK, LIGHT, drawn, plots_of
from train.report.score import Score


def write_report(evaluation: Evaluation, songs: Manifest, folder: Path) -> dict[str, Any]:
    """Write everything and return what figures.json holds; raises OSError.

    Args:
        evaluation: what was done.
        songs: the split's songs with their annotations.
        folder: of the report.
    """
    document = make_document(evaluation)
    plots = plots_of(evaluation.labels, evaluation.ratings)
    light = {name: drawn(plot, LIGHT) for name, plot in plots.items()}
    dark = {name: drawn(plot, DARK) for name, plot in plots.items()}
    for name in PLOTS:
        if name in light:
            put(folder / f"{name}.png", light[name])
        else:
            (folder / f"{name}.png").unlink(missing_ok=True)
    put(folder / "songs.csv", _table(evaluation, songs).encode())
    put(folder / "report.md", markdown(document, list(light)).encode())
    put(folder / "report.html", page(document, light, dark).encode())
    put(folder / "figures.json", (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return document


def _table(evaluation: Evaluation, songs: Manifest) -> str:
    """Return a row a song: what it is, its annotations and scores by label, or why it has none."""
    names = evaluation.matching.labels + evaluation.matching.ratings
    columns = [songs.labels.index(name) for name in names]
    known = evaluation.matching.known
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [f"{kind}:{name}" for kind, each in (("truth", names), ("score", known)) for name in each]
    writer.writerow(["id", "artist", "split", "windows", "left out", *heads])
    for entry, rates in zip(songs.entries, songs.rates[:, columns].tolist(), strict=True):
        outcome = evaluation.outcomes[entry.id]
        truths = ["" if math.isnan(rate) else f"{rate:g}" for rate in rates]  # not annotated
        if isinstance(outcome, Score):
            rest = [outcome.windows, "", *truths, *(f"{value:.6f}" for value in outcome.probabilities)]
        else:
            rest = ["", outcome, *truths, *[""] * len(known)]
        writer.writerow([entry.id, entry.artist or "", entry.split or "", *rest])
    return text.getvalue()
