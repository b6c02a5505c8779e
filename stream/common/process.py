"""What each command owes the system: signals, standard streams that may be closed, one line for an error.

    process.prepare()                       # first of all: Ctrl-C is no traceback, descriptors 0 to 2 are there
    stop = process.stop_on_signals()        # from now on there is something to finish
    process.say(text)                       # standard output; OutputClosed, StreamError
    sys.exit(process.complain(error))

Imports little, for what comes before :func:`prepare` cannot be interrupted quietly.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

from stream.common.errors import StreamError
from stream.common.stop import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def prepare() -> None:
    """Let Ctrl-C and SIGTERM end the process at once and quietly, and fill the standard descriptors that are closed.

    A file that is opened while one of them is closed would get its number, and what a library says to standard error
    would be written into that file.

    Matrices are multiplied in one thread unless the environment says otherwise: ours are small, and threads that wait
    for each other by spinning cost a busy machine more than twice the time.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported, which comes later
    for signum in _SIGNALS:
        signal.signal(signum, _leave)
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def stop_on_signals() -> Stop:
    """Return a stop that Ctrl-C and SIGTERM ask for; a second one ends the process at once."""
    stop = Stop()

    def request(signum: int, frame: FrameType | None) -> None:
        stop.request(signum)
        signal.signal(signum, signal.SIG_DFL)

    for signum in _SIGNALS:
        signal.signal(signum, request)
    return stop


def say(text: str) -> None:
    """Write text to standard output; it is out when this returns.

    Raises:
        OutputClosed: the reader has gone.
        StreamError: standard output is closed or full.
    """
    from stream.common.output import LineWriter  # noqa: PLC0415 -- after prepare()

    check_output()
    LineWriter(sys.stdout).write(text)


def check_output() -> None:
    """Check that there is a standard output.

    Raises:
        StreamError: it is closed.
    """
    if sys.stdout is None:
        raise StreamError("standard output is closed: send it to a file, or to /dev/null if nobody needs it")


def complain(error: StreamError) -> int:
    """Say on standard error what went wrong and return the exit code.

    It is one line that is safe on a terminal or, once the log is JSON, an event of it.
    """
    import logging  # noqa: PLC0415 -- after prepare()

    from stream.common.log import writes_json  # noqa: PLC0415
    from stream.common.text import escaped, masked  # noqa: PLC0415

    if writes_json():
        logging.getLogger("moodstream").error("%s", error)
    elif sys.stderr is not None:
        with contextlib.suppress(OSError):  # closed or full: there is no place left to say so
            sys.stderr.write(f"moodstream: {escaped(masked(str(error)))}\n")
    return error.exit_code


def _leave(signum: int, frame: FrameType | None) -> None:
    # No exception: raised inside an import or a library's callback, it would be printed, swallowed or turned into
    # another. Nothing is open yet that would have to be closed.
    os._exit(128 + signum)
