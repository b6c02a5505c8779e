"""Judge a model on a manifest's songs, from the audio on, and write a report.

    python -m train.evaluate --model model/default.onnx --manifest manifest.csv --audio music --report reports/default
    python -m train.evaluate --model runs/mine/seed0 --manifest cache/mine --report reports/mine
    python -m train.evaluate … --path streaming --report reports/streamed      # through python -m stream.listen

MODEL is an ONNX file or the folder of a training run. The manifest is a CSV (train.manifest), or a folder that
train.prepare filled. Labels of the two are matched by name; of a model of artists, languages or years they are that
metadata's values. A song's score is the mean over its windows, which follow each other without overlap; --path offline
computes it from the whole file, --path streaming asks the live side. Offline, ready-made mels (.npy) will do where
there is no audio, as in train.prepare.

The report's folder gets report.html, report.md, plots, figures.json, and the matrices that train.metrics takes. Songs
are scored once: the same command continues where it was stopped, and another --split, --thresholds or --groups in the
same folder is only reported anew. Songs that are missing, broken or shorter than a window are listed and left out.
A damaged file is left out of --path streaming; offline, what can be decoded of it counts. A song must be annotated with
every label that is judged, or it is left out; a note says how many are, label by label, and --labels judges fewer.

Thresholds of the best F are chosen on the very songs that are judged, so precision, recall and F flatter. To judge by
others: --split validation first, and then --thresholds reports/validation/thresholds.txt.

Exit status: 1 if nothing could be judged or written, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.common.console import command_parser, say, show, whole_number

if TYPE_CHECKING:
    from train.data.manifest import Manifest

MOST_DRAWS = 1_000_000


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("train.evaluate", __doc__)
    parser.add_argument("--model", type=Path, required=True, help="an ONNX file, or the folder of a training run")
    parser.add_argument("--manifest", type=Path, required=True, help="a CSV, or a folder that train.prepare filled")
    parser.add_argument("--report", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="DIR",
        help="where the songs are (default: beside the CSV,\nor as they were prepared)",
    )
    parser.add_argument(
        "--split", default="test", choices=("test", "validation", "train", "all"), help="default %(default)s"
    )
    parser.add_argument(
        "--path", default="offline", choices=("offline", "streaming"), help="how songs are scored (default %(default)s)"
    )
    parser.add_argument("--labels", metavar="A,B", help="judge only these (default: all that both sides have)")
    parser.add_argument(
        "--positive-rate",
        type=_share,
        metavar="P",
        help="a label counts from this rate on (default 0.5,\nor what a prepared folder says)",
    )
    parser.add_argument(
        "--thresholds",
        metavar="best-f1|FILE|P",
        help="best-f1 (the default), a file as of train.metrics, or one number for all labels",
    )
    parser.add_argument("--groups", metavar="NAME", help="draw these instead of songs, such as artist")
    parser.add_argument("--bootstrap", type=_draws, default=1000, metavar="N", help="draws, 0 for none (default 1000)")
    parser.add_argument("--seed", type=whole_number, default=0, help="of the draws (default %(default)s)")
    parser.add_argument("--jobs", type=_jobs, default=1, help="songs side by side (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print figures.json instead of text")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    try:
        # Here, so that the help and this one line do not need what computes.
        from train.report.document import ERRORS  # noqa: PLC0415
    except ModuleNotFoundError as error:
        missing = (error.name or "a library").partition(".")[0].replace("sklearn", "scikit-learn")
        say(f"train.evaluate: {missing} is not installed: pip install 'moodstream[train]'")
        return 1
    try:
        document = _evaluate(options, shlex.join(["python", "-m", "train.evaluate", *given]))
    except ERRORS as error:
        say(f"train.evaluate: {_line(error)}")
        return 1
    except KeyboardInterrupt:
        say(f"train.evaluate: interrupted; the same command continues from {options.report}")
        return 130
    if options.json:
        show(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        from train.report.document import as_text  # noqa: PLC0415

        show(as_text(document, options.report))
    return 0


def _evaluate(options: argparse.Namespace, command: str) -> dict[str, Any]:
    from train.report.candidate import load_candidate  # noqa: PLC0415 -- as above
    from train.report.document import Evaluation, write_report  # noqa: PLC0415
    from train.report.journal import Journal, Score  # noqa: PLC0415
    from train.report.judgement import BEST_F1, Rule, annotated, judge_labels, judge_ratings  # noqa: PLC0415
    from train.report.matching import match  # noqa: PLC0415
    from train.report.songs import SongError, choose, heard, score_songs  # noqa: PLC0415

    table, manifest, prepared_from = _read_manifest(options.manifest, options.positive_rate)
    candidate = load_candidate(options.model)
    wanted = [name.strip() for name in options.labels.split(",")] if options.labels else None
    matching = match(candidate.labels, manifest, wanted)
    songs = choose(matching.manifest, options.split)
    if options.groups and not any(options.groups in entry.metadata for entry in songs.entries):
        raise SongError(f"no song has a {options.groups}, so --groups {options.groups} cannot be drawn")
    audio = (options.audio or prepared_from or table.parent).absolute()
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    identity = {"model": candidate.sha256, "manifest": digest, "path": options.path, "audio": str(audio)}
    with Journal(options.report, identity) as journal:
        outcomes = score_songs(candidate, songs.entries, audio, journal, options.path, options.jobs)
    rule = Rule(
        options.thresholds or BEST_F1, options.thresholds is not None, options.bootstrap, options.groups, options.seed
    )
    labels = judge_labels(matching, songs, outcomes, options.report, rule)
    ratings = judge_ratings(matching, songs, outcomes, rule)
    partly = annotated(matching.labels, songs, outcomes)
    judged = {entry.id for part in (labels, *ratings) if part is not None for entry in part.songs}
    scored = [entry for entry in songs.entries if isinstance(outcomes[entry.id], Score)]
    if not judged:
        if prepared_from is not None and not options.audio and not audio.is_dir():
            raise SongError(f"{options.manifest} was prepared from {audio}, which is gone: say --audio DIR")
        reasons = [f"{entry.id}: {outcomes[entry.id]}" for entry in songs.entries if entry not in scored]
        because = f", such as {reasons[0]}" if reasons else f": {partly or 'no two of them are rated'}"
        raise SongError(f"nothing is left to judge of {len(songs)} songs{because}")
    evaluation = Evaluation(
        candidate=candidate,
        dataset=manifest.dataset,
        manifest_sha256=digest,
        split=options.split,
        way=options.path,
        rule=rule,
        matching=matching,
        chosen=songs.entries,
        outcomes=outcomes,
        unannotated=[entry for entry in scored if entry.id not in judged],
        labels=labels,
        ratings=ratings,
        audience=heard([entry for entry in songs.entries if entry.id in judged], manifest),
        command=command,
        remarks=[partly] if partly else [],
    )
    return write_report(evaluation, songs, options.report)


def _read_manifest(path: Path, positive_rate: float | None) -> tuple[Path, Manifest, Path | None]:
    """Return the table that a manifest is read from, what it holds, and where the songs are if it says so."""
    from train.data.features import DESCRIPTION, Description  # noqa: PLC0415
    from train.data.manifest import read  # noqa: PLC0415

    table, dataset, rate, audio = path, None, 0.5, None
    if path.is_dir():
        table = path / "manifest.csv"
    if (path / DESCRIPTION).is_file():
        described = Description.read(path)
        dataset, rate, audio = described.dataset, described.positive_rate, described.audio
    return table, read(table, dataset, rate if positive_rate is None else positive_rate), audio


def _line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return " ".join(str(error).split()) or type(error).__name__


def _draws(text: str) -> int:
    value = whole_number(text)
    if value == 1 or value > MOST_DRAWS:
        raise argparse.ArgumentTypeError(f"{text} draws: 0 for none, or 2 to {MOST_DRAWS}")
    return value


def _jobs(text: str) -> int:
    value = whole_number(text)
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError(f"{text} songs side by side: 1 to 256")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate above 0, at most 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
