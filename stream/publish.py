"""Send sound to Kafka, where ``python -m stream.listen --kafka`` says its mood.

    python -m stream.publish --mic --stream kitchen            # a microphone
    python -m stream.publish --file /music --jobs 4            # an archive, as fast as it goes
    python -m stream.publish --help

How it goes is shown on standard error, and at the end what was sent. Exit codes: 0 all is in the log, 1 something could
not be heard or delivered, 2 the call was wrong, 130 and 143 stopped by Ctrl-C and SIGTERM after delivery.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream.common import process
from stream.common.errors import StreamError

if TYPE_CHECKING:
    from stream.settings.publish import PublishSettings

# All else is imported where it is needed: after process.prepare(), so that Ctrl-C is quiet from the start.


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with a command line without the program's name (None: the process's); return its exit code."""
    process.prepare()
    from stream.common.log import configure  # noqa: PLC0415
    from stream.common.output import OutputClosed  # noqa: PLC0415
    from stream.settings.publish import parse  # noqa: PLC0415

    try:
        settings = parse(sys.argv[1:] if argv is None else argv, os.environ)
        configure(settings.log_level, settings.log_format)
        return _act(settings)
    except StreamError as error:
        return process.complain(error)
    except OutputClosed:  # `--help | head` has seen enough
        return 0


def _act(settings: PublishSettings) -> int:
    match settings.action:
        case "print-config":
            process.say(settings.to_yaml())
        case "list-devices":
            from stream.sources.microphone import list_devices  # noqa: PLC0415

            process.say(list_devices())
        case _:
            return _publish(settings)
    return 0


def _publish(settings: PublishSettings) -> int:
    from stream.common.errors import need_kafka  # noqa: PLC0415

    need_kafka()
    from stream.run.publish_run import PublishRun  # noqa: PLC0415

    run = PublishRun(settings)  # until it is connected there is nothing to finish: a signal ends the process at once
    stop = process.stop_on_signals()
    try:
        run.run(stop)
        code = 1 if run.failed else 0
    except StreamError as error:
        code = process.complain(error)
    return code if stop.signum is None else 128 + stop.signum


if __name__ == "__main__":
    sys.exit(main())
