"""Plain lines for people, where there is no terminal to draw on.

sink = LinesSink(sys.stdout)

song.mp3
  00:35.9  happy 0.61 ▅  calm 0.22 ▂  tender 0.08 ▁   running: happy 0.55, calm 0.21, tender 0.12
  00:38.9  silence
  final    happy 0.55, calm 0.21, tender 0.12  (13 windows, 00:41.9)
"""

from __future__ import annotations

from typing import TextIO

from stream.common.output import LineWriter
from stream.common.stop import Stop
from stream.common.text import clock, count_of, plain, top
from stream.sinks.group import Sink
from stream.tagging.record import Estimate, Event, Final, Moods, Record, Status

_STEPS = "▁▂▃▄▅▆▇█"
_SHOWN = 3


class LinesSink(Sink):
    """Writes a heading whenever the stream or track changes, and below it one line a record."""

    def __init__(self, file: TextIO, top_k: int | None = None, *, stop: Stop | None = None) -> None:
        """Write to ``file``.

        Args:
            file: where to.
            top_k: how many of the highest moods to show; three by default.
            stop: ends the wait for a slow reader.
        """
        self._output = LineWriter(file, stop)
        self._count = top_k or _SHOWN
        self._heading: tuple[str, str | None] | None = None

    def emit(self, record: Record) -> None:
        """Write one record.

        Raises:
            OutputClosed: the reader has gone.
            StreamError: the file cannot be written.
        """
        heading = (record.stream, record.track)
        if isinstance(record, Status):  # news of the source, whatever the track: no new heading for it
            heading = (record.stream, self._heading[1] if self._heading and self._heading[0] == record.stream else None)
        if heading != self._heading:
            self._heading = heading
            self._output.write(" · ".join(plain(name) for name in heading if name) + "\n")
        self._output.write(f"  {self._line(record)}\n")

    def close(self) -> None:
        """Close the file, unless it is standard output."""
        self._output.close()

    def _line(self, record: Record) -> str:
        match record:
            case Estimate():
                return f"{clock(record.start_s):<7}  {self._estimate(record)}"
            case Final():
                return f"{'final':<7}  {self._final(record)}"
            case Event():
                return f"{clock(record.at_s):<7}  {plain(record.mood)} {record.phase} ({record.probability:.2f})"
            case Status():
                return f"{'source':<7}  {plain(f'{record.status}: {record.detail}')}{_lost(record.lost_s)}"

    def _estimate(self, record: Estimate) -> str:
        if record.mood is None:
            window = "silence" if record.status == "silence" else "gap: sound was lost"
        else:
            window = "  ".join(
                f"{plain(name)} {value:.2f} {_step(value)}" for name, value in top(record.mood, self._count)
            )
        return window if record.running is None else f"{window}   running: {self._moods(record.running)}"

    def _final(self, record: Final) -> str:
        what = "no mood: nothing scored" if record.running is None else self._moods(record.running)
        error = f"  {plain(record.error)}" if record.error else ""
        return f"{what}  ({basis(record)}){error}"

    def _moods(self, moods: Moods) -> str:
        return ", ".join(f"{plain(name)} {value:.2f}" for name, value in top(moods, self._count))


def _step(value: float) -> str:
    return _STEPS[min(int(value * len(_STEPS)), len(_STEPS) - 1)]


def _lost(seconds: float) -> str:
    return f" ({seconds:.1f} s lost)" if seconds else ""


def basis(final: Final) -> str:
    """Return what a track's numbers rest on: ``52 windows, 1 silent, 02:35.4``."""
    if not final.windows + final.silent_windows + final.gap_windows:
        return f"shorter than a window, {final.end_s - final.start_s:.1f} s"
    parts = [count_of(final.windows, "window")]
    parts += [f"{final.silent_windows} silent"] if final.silent_windows else []
    parts += [f"{final.gap_windows} with a gap"] if final.gap_windows else []
    return ", ".join([*parts, clock(final.end_s - final.start_s)])
