"""The mood of the evening: one picture and one table of a recorded session.

    python -m stream.listen --mic --output-file moods.jsonl --rotate-minutes 60
    python -m stream.report moods-*.jsonl                      # moods.png beside the first file, and a table
    python -m stream.report moods.parquet --picture evening.svg --stream mic

Reads JSON lines, CSV and Parquet (also a Parquet file's journal, of a run that was killed), several files in any order.
Lines that are no records are skipped and counted. Exit codes: 0 all well, 1 nothing can be read or written, 2 the call
was wrong. The picture needs matplotlib; without it there is the table. A picture that is there is replaced.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stream.common import process
from stream.common.errors import StreamError, need
from stream.common.text import plain

_PICTURES = (".eps", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".webp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    process.prepare()
    options = _parser().parse_args(argv)
    try:
        process.check_output()
        _report(options)
    except StreamError as error:
        return process.complain(error)
    except BrokenPipeError:  # `| head` has seen enough
        return 0
    return 0


def _report(options: argparse.Namespace) -> None:
    from rich.console import Console  # noqa: PLC0415 -- after prepare()

    from stream.evening.evening import Evening  # noqa: PLC0415
    from stream.evening.reader import read  # noqa: PLC0415
    from stream.evening.table import show  # noqa: PLC0415

    _check_picture(options.picture)
    recording = read(options.files)
    evening = Evening.of(recording.rows, options.stream)
    show(evening, recording.bad, Console(highlight=False))
    if not options.no_picture:
        need("matplotlib", "the picture", "matplotlib")  # so late: what is wrong with the files comes first
        from stream.evening.picture import draw  # noqa: PLC0415 -- matplotlib is slow to import

        path = options.picture or options.files[0].with_suffix(".png")
        was_there = path.exists()
        draw(evening, path)
        process.say(f"the picture is {path}{', in place of the one that was there' if was_there else ''}\n")


def _check_picture(path: Path | None) -> None:
    """See that a name says a kind of picture, without matplotlib; raises StreamError if it does not."""
    if path is not None and path.suffix.lower() not in _PICTURES:
        raise StreamError(f"no picture can be written to {plain(str(path))}: end its name in .png or .svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stream.report",
        description="The mood of the evening: one picture and one table of what python -m stream.listen recorded.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="records: .jsonl, .csv or .parquet")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="PNG, SVG or PDF (the first file's name with .png unless given)"
    )
    parser.add_argument("--no-picture", action="store_true", help="the table only")
    parser.add_argument("--stream", metavar="NAME", help="of several live streams, this one (the longest unless given)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
