"""Everything that a report says, once: what figures.json, report.md and report.html are made of.

    document = make_document(evaluation)
    json.dumps(document)

``figures.json`` is the JSON of ``train.metrics --labels --bootstrap`` with more keys: see ``make_document``.
"""

from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import io
import json
import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from train.data.features import FeatureError
from train.data.manifest import Entry, Manifest
from train.data.table import AnnotationError
from train.figures.checks import FigureError
from train.figures.decisions import NAMES
from train.figures.report import UnreadableError, as_json
from train.report.candidate import Candidate, CandidateError
from train.report.journal import JournalError, Outcome, Score, put
from train.report.judgement import (
    FarSong,
    LabelJudgement,
    RatingJudgement,
    Rule,
    WrongSong,
    confusion,
    furthest,
    most_wrong,
)
from train.report.matching import MatchError, Matching
from train.report.pages import PLOTS, ends, markdown, number, page, visible
from train.report.plots import DARK, LIGHT, drawn, plots_of
from train.report.songs import Audience, SongError, StreamingError

ERRORS = (
    AnnotationError,
    CandidateError,
    FeatureError,
    FigureError,
    JournalError,
    MatchError,
    OSError,
    SongError,
    StreamingError,
    UnreadableError,
)


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


SCHEMA = 1
_LIBRARIES = ("moodstream", "numpy", "onnxruntime", "scikit-learn", "torch", "av", "soxr", "matplotlib")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What was done, and what came of it.

    Attributes:
        candidate: the model.
        dataset: name of the manifest's data set.
        manifest_sha256: of the manifest's file.
        split: that was judged.
        way: offline or streaming.
        rule: of decisions and intervals.
        matching: the labels of both sides.
        chosen: the songs of the split.
        outcomes: what came of each, by id.
        unannotated: songs that have a score, but not the annotations.
        labels: figures of labels, if any.
        ratings: figures of ratings.
        audience: what training heard of the artists.
        command: the command line.
        remarks: what the reader should know of the songs, a line each.
        wrong: how many of the most wrong songs to show.
    """

    candidate: Candidate
    dataset: str
    manifest_sha256: str
    split: str
    way: str
    rule: Rule
    matching: Matching
    chosen: Sequence[Entry]
    outcomes: Mapping[str, Outcome]
    unannotated: Sequence[Entry]
    labels: LabelJudgement | None
    ratings: Sequence[RatingJudgement]
    audience: Audience
    command: str
    remarks: Sequence[str] = ()
    wrong: int = 20


def make_document(evaluation: Evaluation) -> dict[str, Any]:
    """Return what the report says, as plain JSON values.

    The ten figures by name, "notes", "per_label", "other", "bootstrap", "intervals" are those of ``train.metrics``;
    each of "per_label" has "roc_auc_interval" and "pr_auc_interval" besides, and "other_intervals" belong to "other".
    "ratings" has r, its interval and the songs of each. "model", "manifest", "songs", "artists", "left_out",
    "decisions", "confusion", "most_wrong", "command", "versions" and "created" say what was judged and how.
    """
    candidate, labels = evaluation.candidate, evaluation.labels
    document: dict[str, Any] = {"schema": SCHEMA}
    if labels is not None:
        document |= _label_figures(labels)
        document["exclusive"] = labels.exclusive
        document["confusion"] = {
            "labels": list(labels.names),
            "counts": confusion(labels.scores, labels.truth).tolist(),
        }
        document["most_wrong"] = [_wrong(song) for song in most_wrong(labels, evaluation.wrong)]
    document["ratings"] = {rating.name: _rating(rating, evaluation.wrong) for rating in evaluation.ratings}
    remarks = [*evaluation.candidate.remarks, *evaluation.matching.remarks, *evaluation.remarks]
    document["notes"] = [*remarks, *document.get("notes", [])]
    reasons = [_left_out(entry, str(outcome)) for entry, outcome in _failed(evaluation)]
    reasons += [_left_out(entry, "not annotated with every label that is judged") for entry in evaluation.unannotated]
    return document | {
        "model": {
            "path": str(candidate.path),
            "name": candidate.name,
            "version": candidate.version,
            "sha256": candidate.sha256,
            "labels": list(candidate.labels),
        },
        "manifest": {"dataset": evaluation.dataset, "sha256": evaluation.manifest_sha256, "split": evaluation.split},
        "path": evaluation.way,
        "decisions": evaluation.rule.thresholds,
        "grouped_by": evaluation.rule.group or "song",
        "songs": {
            "in_split": len(evaluation.chosen),
            "judged": len(labels.songs) if labels else max((len(r.songs) for r in evaluation.ratings), default=0),
            "left_out": len(reasons),
        },
        "artists": dataclasses.asdict(evaluation.audience),
        "left_out": reasons,
        "command": evaluation.command,
        "versions": _versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _label_figures(labels: LabelJudgement) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(as_json(labels.report))
    if labels.by_label:
        for row, ends in zip(figures["per_label"], labels.by_label, strict=True):
            row["roc_auc_interval"] = list(ends.roc_auc) if ends.roc_auc else None
            row["pr_auc_interval"] = list(ends.pr_auc) if ends.pr_auc else None
    for row, name in zip(figures["per_label"], labels.names, strict=True):
        row["label"] = name
    figures["other_intervals"] = {name: list(ends) for name, ends in labels.others.items()}
    return figures


def _rating(rating: RatingJudgement, wrong: int) -> dict[str, Any]:
    return {
        "r": rating.correlation if math.isfinite(rating.correlation) else None,
        "interval": list(rating.interval) if rating.interval else None,
        "songs": len(rating.songs),
        "furthest": [_far(song) for song in furthest(rating, wrong // 2)],
    }


def _wrong(song: WrongSong) -> dict[str, Any]:
    return {
        **_named(song.entry),
        "loss": song.loss,
        "truth": dict(song.truth),
        "leading": dict(song.leading),
    }


def _far(song: FarSong) -> dict[str, Any]:
    return {**_named(song.entry), "said": song.said, "rated": song.rated, "deviation": song.deviation}


def _named(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "artist": entry.artist, "title": entry.metadata.get("title")}


def _failed(evaluation: Evaluation) -> list[tuple[Entry, Outcome]]:
    pairs = [(entry, evaluation.outcomes[entry.id]) for entry in evaluation.chosen]
    return [(entry, outcome) for entry, outcome in pairs if isinstance(outcome, str)]


def _left_out(entry: Entry, reason: str) -> dict[str, str]:
    return {"id": entry.id, "path": str(entry.path), "reason": reason}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


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
