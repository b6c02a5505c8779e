"""Print the ten figures of MediaEval's Emotions and Themes in Music for a matrix of scores.

    python -m train.metrics --truth truth.npy --scores scores.npy              # thresholds with each label's best F
    python -m train.metrics --truth truth.npy --scores scores.npy --labels tags.txt --json       # and a line a label
    python -m train.metrics --truth truth.npy --scores ours.npy --against theirs.npy --groups artists.txt

All matrices are .npy files of shape (songs, labels): truth and decisions of 0 and 1, scores of any finite numbers.
A label without a positive song is left out of ROC-AUC-macro and PR-AUC-macro and counts 0 in precision, recall and F;
remarks on standard error, or "notes" in JSON, name such labels. Decisions are score > threshold, strictly, as
MediaEval makes them. Thresholds of the best F are chosen on the very songs that are judged, so precision, recall and F
flatter; read them from a file to judge by thresholds chosen elsewhere.

Intervals are percentiles of bootstrap draws by song, or by what --groups names; the decisions stay. --against draws the
same songs for both and gives p for "equally good" (paired bootstrap, Koehn 2004). It tests ten figures: choose yours,
MediaEval's is PR-AUC-macro, before you look.

JSON: an object with the ten names, null where a figure does not exist, and only where there is something to say
"notes", "per_label" and "other" (with --labels), "bootstrap" and "intervals", "against".
Exit status: 1 for a file that cannot be read, 2 for matrices that do not fit each other or hold what they must not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from train.common.console import command_parser, say, show

BEST_F1 = "best-f1"
MOST_DRAWS = 1_000_000


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("train.metrics", __doc__)
    parser.add_argument("--truth", type=Path, required=True, metavar="T.npy", help="annotations, 0 or 1")
    parser.add_argument("--scores", type=Path, required=True, metavar="S.npy", help="scores, the higher the likelier")
    made = parser.add_mutually_exclusive_group()
    made.add_argument("--decisions", type=Path, metavar="D.npy", help="decisions, 0 or 1")
    made.add_argument(
        "--thresholds",
        metavar=f"{BEST_F1}|FILE",
        help=f"{BEST_F1} (the default), or a file: .npy, or text with a\nthreshold a line, with or without label and "
        "tab before it",
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="names of the columns, one a line; adds a table")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--bootstrap",
        type=_whole(2, MOST_DRAWS),
        metavar="N",
        help="95 %% intervals from N draws (1000 with --against)",
    )
    parser.add_argument("--groups", type=Path, metavar="FILE", help="draw these instead of songs: a line a song")
    parser.add_argument("--seed", type=_whole(0, 2**63), default=0, help="of the draws (default %(default)s)")
    parser.add_argument("--against", type=Path, metavar="S2.npy", help="scores of a second system, for a paired test")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.groups and not (options.bootstrap or options.against):
        parser.error("--groups says what is drawn: it needs --bootstrap N or --against FILE")
    try:
        # Here, so that the help and this one line do not need what computes.
        from train.figures.checks import FigureError  # noqa: PLC0415
        from train.figures.report import (  # noqa: PLC0415  # noqa: PLC0415
            Question,
            UnreadableError,
            as_json,
            as_text,
            judge,
        )
    except ModuleNotFoundError as error:
        missing = (error.name or "a library").partition(".")[0].replace("sklearn", "scikit-learn")
        say(f"train.metrics: {missing} is not installed: pip install 'moodstream[data]'")
        return 1
    try:
        report = judge(
            Question(
                truth=options.truth,
                scores=options.scores,
                decisions=options.decisions,
                thresholds=None if options.thresholds in (None, BEST_F1) else Path(options.thresholds),
                rule_chosen=bool(options.decisions or options.thresholds),
                labels=options.labels,
                against=options.against,
                draws=options.bootstrap or (1000 if options.against else 0),
                groups=options.groups,
                seed=options.seed,
            )
        )
    except (FigureError, UnreadableError) as error:
        say(f"train.metrics: {error}")
        return 2 if isinstance(error, FigureError) else 1
    if options.json:
        show(as_json(report))
        return 0
    show(as_text(report))
    for note in report.notes:
        say(f"note: {note}")
    return 0


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return what reads a whole number of that range for argparse."""

    def parse(text: str) -> int:
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else lowest - 1
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} to {highest}")
        return value

    return parse


if __name__ == "__main__":
    sys.exit(main())
