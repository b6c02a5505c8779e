r"""Where results are written: whole lines, each flushed, and a clear end when that is no longer possible.

output = LineWriter(open_output("result.jsonl"))    # or LineWriter(sys.stdout, stop)
output.write("a line\n")                             # OutputClosed: nobody reads any more (`| head`); end quietly
output.close()                                      # StreamError: the disk is full, and what that means
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import TextIO

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.common.text import count_of, plain

_POLL_SECONDS = 0.1
_PIECE_BYTES = 4096  # what a pipe that can be written to takes at once, without waiting
_GRACE_SECONDS = 2.0


class OutputClosed(Exception):  # noqa: N818 - the reader has seen enough: an end, not an error
    """The reader of the results has gone (a closed pipe): the program should end quietly."""


def open_output(path: str | Path) -> TextIO:
    """Open a file for results, replacing what it held.

    Raises:
        StreamError: it cannot be written.
    """
    try:
        return Path(path).open("w", encoding="utf-8", newline="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StreamError(
            f"cannot write results to {plain(str(path))}: {plain(reason)}; give --output-file another path"
        ) from None


def is_terminal(file: TextIO) -> bool:
    """Say whether a screen can be drawn there: a terminal that can move its cursor."""
    return file.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


class LineWriter:
    """Writes lines to a text file and flushes each; ends in one known way when the file cannot take them.

    A file that fails keeps whole lines only. A pipe, socket or terminal may have a reader that is slow or paused: it is
    waited for, but once a stop is asked for only while it takes something every two seconds. Closes the file at the
    end, unless it is standard output.
    """

    def __init__(self, file: TextIO, stop: Stop | None = None) -> None:
        """Write to ``file``; without ``stop``, a slow reader is waited for however long it takes."""
        self._file = file
        self._stop = stop or Stop()
        self._ours = file not in (sys.stdout, sys.stderr)
        self._lines = 0
        self._failure: Exception | None = None
        self._waits = self._has_reader()
        self._whole = self._position()

    def write(self, line: str) -> None:
        """Write one line (with its line feed); it is out when this returns.

        Raises:
            OutputClosed: the reader has gone, or takes nothing more although a stop was asked for.
            StreamError: the file cannot be written, a full disk for example.
        """
        if self._failure is not None:
            raise self._failure
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        data = line.encode(encoding, "replace")
        try:
            if self._waits:
                self._send(data)
            else:
                self._file.write(data.decode(encoding))
                self._file.flush()
        except OSError as error:
            raise self._give_up(error) from None
        self._lines += 1
        self._whole = self._position()

    def close(self) -> None:
        """Close the file (standard output is left open). Safe to call twice.

        Raises:
            StreamError: what was written could not be brought to the disk.
        """
        if not self._ours or self._file.closed:
            return
        try:
            self._file.close()
        except OSError as error:
            raise self._give_up(error) from None

    def _send(self, data: bytes) -> None:
        """Write piece by piece as the reader takes them: a plain write would go on waiting after a signal."""
        self._file.flush()
        descriptor = self._file.fileno()
        deadline: float | None = None
        while data:
            if select.select([], [descriptor], [], _POLL_SECONDS)[1]:
                with contextlib.suppress(BlockingIOError):  # of a descriptor that another program made non-blocking
                    data = data[os.write(descriptor, data[:_PIECE_BYTES]) :]
                    deadline = None
            elif self._stop.requested:
                deadline = deadline or time.monotonic() + _GRACE_SECONDS
                if time.monotonic() > deadline:
                    raise BrokenPipeError

    def _give_up(self, error: OSError) -> Exception:
        self._discard()
        if isinstance(error, BrokenPipeError | ConnectionResetError):
            self._failure = OutputClosed("nobody reads the results any more")
        else:
            name = "standard output" if not self._ours else plain(str(getattr(self._file, "name", "the output")))
            written = count_of(self._lines, "line")
            self._failure = StreamError(
                f"cannot write results to {name}: {error.strerror or error}; {written} written, what came after is lost"
            )
        return self._failure

    def _discard(self) -> None:
        """Let what is still in the buffer go nowhere, or Python tries it again (and complains) when it exits."""
        descriptor = self._descriptor()
        if descriptor is None:
            return
        if self._ours and stat.S_ISREG(os.fstat(descriptor).st_mode):
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._whole)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
        if self._ours:
            self._file.close()

    def _position(self) -> int:
        descriptor = self._descriptor()
        if descriptor is None or not self._ours or not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return 0
        return os.lseek(descriptor, 0, os.SEEK_CUR)

    def _has_reader(self) -> bool:
        descriptor = self._descriptor()
        if descriptor is None:
            return False
        mode = os.fstat(descriptor).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)

    def _descriptor(self) -> int | None:
        try:
            return self._file.fileno()
        except (OSError, ValueError):  # not a real file, or closed
            return None
