"""The live terminal screen.

    sink = ScreenSink(labels)                   # needs a terminal; elsewhere LinesSink
    sink.progress("mic", 1.3, -23.1)            # between windows: seconds of the track heard, level
    sink.emit(record)
    sink.close()                                # leaves what was found on the terminal

A level meter; for each mood a bar for the running average and a dot for the last window; what happened last; the
speed. A finished track moves up as a line of its own, and stays.

Imports rich, so it is imported only where a screen is wanted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from model.frontend import FrontEnd
from stream.common.output import OutputClosed
from stream.common.text import clock, count_of
from stream.sinks.group import Sink
from stream.sinks.screen_frame import ASCII, UNICODE, final_bars, final_line, frame
from stream.sinks.screen_state import ScreenState
from stream.tagging.record import Final, Record, Status

_REDRAW_SECONDS = 1 / 8
_WINDOW_SECONDS = FrontEnd().window_samples / FrontEnd().samplerate
_MOST_LINES = 60


class ScreenSink(Sink):
    """Draws on a terminal, at most eight times a second. Not safe to call from two threads at once."""

    def __init__(
        self,
        labels: Sequence[str],
        *,
        top_k: int | None = None,
        console: Console | None = None,
        window_seconds: float = _WINDOW_SECONDS,
        hop_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to draw.

        Args:
            labels: the model's moods, in its order.
            top_k: show this many moods, the highest; all that fit for None.
            console: where to draw; standard output for None.
            window_seconds: sound it takes until the first score.
            hop_seconds: from one window to the next; None where they follow each other.
            clock: returns seconds that only grow.
        """
        self._console = console or Console(highlight=False)
        self._state = ScreenState(labels, window_seconds, hop_seconds)
        self._top_k = top_k
        self._clock = clock
        self._glyphs = ASCII if self._console.options.ascii_only else UNICODE
        self._drawn_at = -1.0
        self._size = self._console.size
        self._finals: list[Final] = []
        self._live = Live(
            Text(),
            console=self._console,
            auto_refresh=False,
            transient=True,
            # The log moves above the picture; one that goes to a file stays there, and there may be none.
            redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
        )
        self._open = True
        self._live.start()

    def progress(self, stream: str, heard_s: float, level_dbfs: float) -> None:
        """Show that sound comes, before the next window is complete.

        Args:
            stream: name of the stream.
            heard_s: of the current track.
            level_dbfs: level of the sound that just came.

        Raises:
            OutputClosed: the terminal has gone.
        """
        self._state.hear(stream, heard_s, level_dbfs, self._clock())
        self._draw()

    def emit(self, record: Record) -> None:
        """Show a record.

        Raises:
            OutputClosed: the terminal has gone.
        """
        if isinstance(record, Final):
            self._leave_lines()  # of the tracks before this one
            self._finals.append(record)
        self._state.take(record, self._clock())
        self._draw(now=isinstance(record, Final | Status))

    def stream_ended(self, stream: str) -> None:
        """Show a stream no longer of which no more comes: it is over, or another process has it.

        Raises:
            OutputClosed: the terminal has gone.
        """
        self._draw(now=self._state.leave(stream))

    def close(self) -> None:
        """Leave a summary in place of the screen. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        try:
            self._live.stop()
            self._summarise()
        except OSError:
            return  # the terminal has gone, and with it whoever would read this

    def _summarise(self) -> None:
        width = self._console.width
        if self._state.tracks == 1 and self._finals:
            self._print(final_bars(self._finals[0], self._state.labels, width, self._top_k, self._glyphs))
            return
        self._leave_lines()
        if self._state.tracks:
            parts = [count_of(self._state.tracks, "track"), f"{clock(self._state.seconds)} of sound"]
            parts += [f"{self._state.speed:.0f}{self._glyphs.times} real time"] if self._state.speed else []
            self._print(Text(f"  {self._glyphs.separator.join(parts)}", "bright_black"))

    def _leave_lines(self) -> None:
        for final in self._finals:
            self._print(final_line(final, self._state.labels, self._console.width, self._glyphs))
        self._finals.clear()

    def _print(self, text: Text) -> None:
        self._console.print(text, no_wrap=True, overflow="crop", crop=True)

    def _draw(self, *, now: bool = False) -> None:
        at = self._clock()
        if not self._open or (not now and at - self._drawn_at < _REDRAW_SECONDS):
            return
        self._drawn_at = at
        try:
            if self._console.size != self._size:  # the terminal has moved the old picture about: begin afresh
                self._size = self._console.size
                self._console.clear()
            if self._finals and self._state.active():
                self._leave_lines()
            height = max(4, min(self._size.height - 1, _MOST_LINES))
            picture = frame(self._state, self._size.width, height, self._top_k, self._glyphs)
            self._live.update(picture, refresh=True)
            # A key pressed now (the ^C that ends this) is echoed where the cursor is: let that be within the last line.
            self._console.control(Control(ControlType.CARRIAGE_RETURN))
        except OSError as error:
            self.close()
            raise OutputClosed("the terminal has gone") from error
