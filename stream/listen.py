"""Listen to music and say its mood, live.

    python -m stream.listen --mic                              # the microphone, on a live screen
    python -m stream.listen --file A.mp3 B.opus --output jsonl
    python -m stream.listen --url https://radio.example/stream
    python -m stream.listen --help

Results go to standard output, the log to standard error. Exit codes: 0 all well, 1 something could not be heard or
written, 2 the call was wrong, 130 and 143 stopped by Ctrl-C and SIGTERM after the final records.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from stream.errors import StreamError
from stream.log import configure
from stream.settings import Settings, parse
from stream.stop import Stop


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        settings = parse(sys.argv[1:] if argv is None else argv, os.environ)
        configure(settings.log_level, settings.log_format)
        return _act(settings)
    except StreamError as error:
        print(f"moodstream: {error}", file=sys.stderr)  # noqa: T201 -- the one line a user is told
        return error.exit_code


def _act(settings: Settings) -> int:
    # Each action imports what it needs: --help and --list-devices need neither a model nor a decoder.
    match settings.action:
        case "print-config":
            sys.stdout.write(settings.to_yaml())
            return 0
        case "list-devices":
            from stream.sources.microphone import list_devices  # noqa: PLC0415

            sys.stdout.write(list_devices())
            return 0
        case "benchmark":
            from model.contract import DEFAULT_MODEL  # noqa: PLC0415
            from stream.benchmark import run  # noqa: PLC0415

            run(settings.model or DEFAULT_MODEL, as_json=settings.output == "jsonl", out=sys.stdout)
            return 0
        case "listen":
            return _listen(settings)


def _listen(settings: Settings) -> int:
    from stream.assembly import Assembly  # noqa: PLC0415
    from stream.sinks.output import OutputClosed  # noqa: PLC0415

    stop = _stop_on_signals()
    try:
        with Assembly(settings, stop) as assembly:
            assembly.run()
    except OutputClosed:  # `| head` has seen enough
        return 0
    if stop.signum is not None:
        return 128 + stop.signum
    return 1 if assembly.failures else 0


def _stop_on_signals() -> Stop:
    """Return a stop that Ctrl-C and SIGTERM ask for; a second one ends the process at once."""
    stop = Stop()

    def request(signum: int, frame: FrameType | None) -> None:
        stop.request(signum)
        signal.signal(signum, signal.SIG_DFL)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, request)
    return stop


if __name__ == "__main__":
    sys.exit(main())
