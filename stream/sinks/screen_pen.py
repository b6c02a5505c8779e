"""The pen that draws parts of the screen: names, levels, bars, moods with their numbers.

    pen = Pen(labels, width=80, glyphs=UNICODE)
    pen.mood("happy", running, window)              # a bar and two numbers, as wide as the screen

Imports rich, so it is imported only by the screen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from stream.common.text import clock, plain, top
from stream.sinks.screen_state import News, View
from stream.tagging.record import SILENCE_DBFS, Moods

_COLOURS = (
    "#d7a22a",
    "#d75f5f",
    "#5f87d7",
    "#4fa86b",
    "#d78740",
    "#d787af",
    "#9f7fd1",
    "#7f8fa6",
    "#c0504d",
)
FAINT = "bright_black"
_TONES = {"event": "default", "good": "green", "bad": "yellow"}
_QUIETEST = -60.0
_LOUD, _TOO_LOUD = -18.0, -6.0
NARROW = 60
_LEAST_BAR = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of the drawing."""

    full: str
    half: str
    track: str
    now: str
    meter: str
    unlit: str
    dot: str
    separator: str
    ellipsis: str
    times: str


UNICODE = Glyphs("━", "╸", "─", "●", "▎", "▎", "●", " · ", "…", "×")
ASCII = Glyphs("=", "-", ".", "o", "|", " ", "*", " - ", "...", "x")


class Pen:
    """Draws parts of the picture at one width."""

    def __init__(self, labels: Sequence[str], width: int, glyphs: Glyphs) -> None:
        self.width = width
        self.glyphs = glyphs
        self._colour = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
        longest = max((cell_len(plain(label)) for label in labels), default=0)
        self._name_width = min(longest, max(6, width // 4))

    @property
    def pair_width(self) -> int:
        """Cells that a mood and its number take, with a blank on each side."""
        return self._name_width + len(" 0.00") + 2

    def fit(self, text: str, width: int) -> str:
        """Return the text cut to that many cells, with an ellipsis if something is missing."""
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, max(0, width - len(self.glyphs.ellipsis))).rstrip() + self.glyphs.ellipsis

    def name(self, stream: str, track: str | None, room: int) -> str:
        """Return the name of what plays; of a path that does not fit, the end."""
        names = [shown for part in (stream, track) if part and (shown := plain(part))]
        if cell_len(self.glyphs.separator.join(names)) > room and "/" in names[0]:
            names[0] = f"{self.glyphs.ellipsis}/{names[0].rstrip('/').rsplit('/', 1)[-1]}"
        return self.glyphs.separator.join(names) or "?"

    def between(self, left: Text, right: Text) -> Text:
        """Return a line with one text at each end; the left one gives way."""
        room = self.width - right.cell_len - 2
        if left.cell_len > room:
            left.truncate(max(0, room), overflow="crop")
            if left.plain and room > 4:
                left.right_crop(len(self.glyphs.ellipsis))
                left.append(self.glyphs.ellipsis)
        gap = max(1, self.width - left.cell_len - right.cell_len)
        line = Text.assemble(left, " " * gap, right)
        line.truncate(self.width, overflow="crop")
        return line

    def title(self, view: View) -> Text:
        """Return the stream and its track, and where it is."""
        if view.down is not None:
            state = Text(f"{self.glyphs.dot} ", "red")
            news = Text(self.fit(f"source down: {view.down}", self.width // 2), "red")
            name = self.name(view.name, view.track, self.width - news.cell_len - 4)
            return self.between(state.append(name, "bold"), news)
        silent = view.estimate is not None and view.estimate.status != "ok"
        tone = FAINT if silent or not view.playing else "green"
        right = Text(f"{clock(view.position)} ", FAINT)
        name = self.name(view.name, view.track, self.width - right.cell_len - 4)
        return self.between(Text.assemble((f"{self.glyphs.dot} ", tone), (name, "bold")), right)

    def level(self, view: View) -> Text:
        """Return the level meter."""
        level = SILENCE_DBFS if view.level is None else view.level
        number = f"{level:6.1f} dBFS " if view.level is not None else ""
        return Text("  ").append_text(self._meter(level, self.width - 2 - 13)).append(f" {number}", FAINT)

    def _meter(self, level: float, cells: int) -> Text:
        lit = round(cells * min(1.0, max(0.0, 1 - level / _QUIETEST)))
        loud, too_loud = (round(cells * (1 - threshold / _QUIETEST)) for threshold in (_LOUD, _TOO_LOUD))
        text = Text(self.glyphs.meter * lit + self.glyphs.unlit * (cells - lit))
        text.stylize("green", 0, min(lit, loud))
        text.stylize("yellow", min(lit, loud), min(lit, too_loud))
        text.stylize("red", min(lit, too_loud), lit)
        text.stylize(f"dim {FAINT}", lit)
        return text

    def mood(self, name: str, running: Moods | None, window: Moods | None) -> Text:
        """Return a mood with its bar and numbers."""
        average = None if running is None else running.get(name)
        now = None if window is None else window.get(name)
        leads = running is not None and average == max(running.values())
        numbers = f"  {_number(average)}  {_number(now)} " if window is not None else f"  {_number(average)} "
        gap = "  " if self.width >= NARROW else " "
        if self.width >= NARROW:
            numbers = f"   {_number(average)}  {_number(now)} "
        bar = self.width - 2 - self._name_width - len(gap) - len(numbers)
        line = Text.assemble("  ", (self._label(name), "bold" if leads else ""), gap)
        line.append_text(self._bar(max(_LEAST_BAR, bar), average or 0.0, now, self._colour.get(name, "cyan"), leads))
        line.append(numbers, "bold" if leads else FAINT if average is None else "")
        line.truncate(self.width, overflow="crop")
        return line

    def _bar(self, cells: int, average: float, now: float | None, colour: str, leads: bool) -> Text:
        halves = round(2 * cells * min(1.0, max(0.0, average)))
        drawn = self.glyphs.full * (halves // 2) + self.glyphs.half * (halves % 2)
        drawn += self.glyphs.track * (cells - len(drawn))
        bar = Text(drawn)
        filled = (halves + 1) // 2
        bar.stylize(f"bold {colour}" if leads else colour, 0, filled)
        bar.stylize(f"dim {FAINT}", filled)
        if now is not None:
            place = min(cells - 1, int(cells * min(1.0, max(0.0, now))))
            marker = Text(self.glyphs.now, f"bold {colour}")
            bar = Text.assemble(bar[:place], marker, bar[place + 1 :])
        return bar

    def short(self, view: View, top_k: int | None) -> Text:
        """Return a small level meter and the leading moods."""
        cells = 10 if self.width >= NARROW else 6
        line = Text("  ").append_text(self._meter(SILENCE_DBFS if view.level is None else view.level, cells))
        line.append("  ")
        if view.running is None:
            line.append(f"listening{self.glyphs.ellipsis}", FAINT)
        else:
            room = self.width - line.cell_len
            count = min(max(1, room // 22), top_k or 3)
            for mood, value in top(view.running, count):
                bar = max(1, room // count - self._name_width - 8)
                line.append_text(self.pair(mood, value, bar)).append("  ")
        line.truncate(self.width, overflow="crop")
        return line

    def pair(self, mood: str, value: float, bar: int = 0) -> Text:
        """Return a mood and its number, with a bar of that many cells between them."""
        colour = self._colour.get(mood, "cyan")
        text = Text(f"{self._label(mood)} ", colour)
        if bar:
            text.append_text(self._bar(bar, value, None, colour, False)).append(" ")
        return text.append(f"{value:.2f}")

    def _label(self, mood: str) -> str:
        return set_cell_size(self.fit(plain(mood), self._name_width), self._name_width)

    def news(self, news: News, *, named: bool) -> Text:
        """Return a line of what happened, with the stream's name or without."""
        text = f"{self.fit(news.stream, self.width // 3)}  {news.text}" if named else news.text
        line = Text.assemble("  ", (f"{news.when:<8}", FAINT), (text, _TONES[news.tone]))
        if line.cell_len > self.width:
            line.truncate(max(0, self.width - len(self.glyphs.ellipsis)), overflow="crop")
            line.append(self.glyphs.ellipsis)
        return line


def _number(value: float | None) -> str:
    return "    " if value is None else f"{value:.2f}"
