"""Listen to music and say its mood, live.

    python -m stream.listen --mic                              # the microphone, on a live screen
    python -m stream.listen --file A.mp3 B.opus --output jsonl
    python -m stream.listen --url https://radio.example/stream
    python -m stream.listen --help

Results go to standard output, the log to standard error. Exit codes: 0 all well, 1 something could not be heard or
written, 2 the call was wrong, 129, 130 and 143 stopped by the end of its terminal, Ctrl-C and SIGTERM after the final
records; of ``--kafka`` also 3 another process has its identity, 4 it hung in a call. A model file that is replaced is
taken while it runs, and SIGHUP asks for it at once (docs/adr/0007-models-swapped.md).
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stream.common import process
from stream.common.errors import StreamError

if TYPE_CHECKING:
    from stream.settings.listen import Settings

# All else is imported where it is needed: after process.prepare(), so that Ctrl-C is quiet from the start, and only
# what the action takes: --help and --list-devices need neither a model nor a decoder.


def main(argv: Sequence[str] | None = None, choose_source: Callable[[], str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the command line without the program's name; that of the process for None.
        choose_source: returns the flag of a source where the call names none; None makes that an error.
    """
    process.prepare()
    from stream.common.log import configure  # noqa: PLC0415
    from stream.common.output import OutputClosed  # noqa: PLC0415

    try:
        settings = _settings(sys.argv[1:] if argv is None else argv, choose_source)
        process.check_output()
        configure(settings.log_level, settings.log_format)
        return _act(settings)
    except StreamError as error:
        return process.complain(error)
    except OutputClosed:  # `--help | head` has seen enough
        return 0


def _settings(argv: Sequence[str], choose_source: Callable[[], str] | None) -> Settings:
    from stream.settings.listen import parse  # noqa: PLC0415
    from stream.settings.source import NoSourceError  # noqa: PLC0415

    try:
        return parse(argv, os.environ)
    except NoSourceError:
        if choose_source is None:
            raise
        return parse([choose_source(), *argv], os.environ)


def _act(settings: Settings) -> int:
    match settings.action:
        case "print-config":
            process.say(settings.to_yaml())
        case "list-devices":
            from stream.sources.microphone import list_devices  # noqa: PLC0415

            process.say(list_devices())
        case "benchmark":
            _benchmark(settings)
        case "listen":
            return _listen(settings)
    return 0


def _benchmark(settings: Settings) -> None:
    from model.contract import DEFAULT_MODEL  # noqa: PLC0415
    from stream.run.benchmark import run  # noqa: PLC0415

    figures = io.StringIO()
    run(settings.model or DEFAULT_MODEL, as_json=settings.output == "jsonl", out=figures)
    process.say(figures.getvalue())


def _listen(settings: Settings) -> int:
    from stream.common.stop import HangupSignal  # noqa: PLC0415
    from stream.run.assembly import Assembly  # noqa: PLC0415

    stop = process.stop_on_signals()
    hangup = HangupSignal(stop)
    hangup.install()
    try:
        with Assembly(settings, stop, hangup.taken) as assembly:
            assembly.run()
        code = 1 if assembly.failures else 0
    except StreamError as error:
        code = process.complain(error)
    return code if stop.signum is None else 128 + stop.signum


if __name__ == "__main__":
    sys.exit(main())
