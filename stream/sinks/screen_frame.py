"""Draws the screen: turns its state into lines of text that fit.

    frame(state, width=80, height=24, top_k=None, glyphs=UNICODE)       # a rich Text, no wider and no higher

Imports rich, so it is imported only by the screen.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from stream.common.colours import colours
from stream.common.text import ago, clock, count_of, plain, top
from stream.sinks.lines import basis
from stream.sinks.screen_state import News, ScreenState, View
from stream.tagging.record import SILENCE_DBFS, Final, Moods

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


class Canvas:
    """Draws parts of the picture at one width."""

    def __init__(self, labels: Sequence[str], width: int, glyphs: Glyphs) -> None:
        self.width = width
        self.glyphs = glyphs
        self._colour = colours(labels)
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
        """Return a line with one text at each end; the left one is cut if both do not fit."""
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

    def news(self, news: News, *, with_stream: bool) -> Text:
        """Return a line of what happened, with the stream's name or without."""
        text = f"{self.fit(news.stream, self.width // 3)}  {news.text}" if with_stream else news.text
        line = Text.assemble("  ", (f"{news.when:<8}", FAINT), (text, _TONES[news.tone]))
        if line.cell_len > self.width:
            line.truncate(max(0, self.width - len(self.glyphs.ellipsis)), overflow="crop")
            line.append(self.glyphs.ellipsis)
        return line


def _number(value: float | None) -> str:
    return "    " if value is None else f"{value:.2f}"


Age = Callable[[View], float | None]
"""Returns how many seconds ago the sound of a stream's last window was captured, or None if not known."""

_ROOM_FOR_NEWS = 5
_WINDOWS, _AGE = 9, 7
"""Cells of the columns with numbers."""
_STALE_SECONDS = 15.0


def many(canvas: Canvas, active: list[View], height: int, top_k: int | None, age: Age) -> list[Text]:
    """Return at most ``height`` lines with the streams that play, the one that began last at the end."""
    if 3 * len(active) - 1 <= height - _ROOM_FOR_NEWS:
        lines = []
        for view in sorted(active, key=lambda view: view.name):
            lines += [_title(canvas, view, age(view)), canvas.short(view, top_k), Text()]
        return lines[:-1]
    return _table(canvas, active, height, top_k, age)


def _table(canvas: Canvas, active: list[View], height: int, top_k: int | None, age: Age) -> list[Text]:
    room = max(1, height - 3)  # beside the heading and the line below
    shown = active if len(active) <= room else active[-room:]
    moods = _moods_shown(canvas, top_k)
    rows = [_row(canvas, view, moods, age(view)) for view in sorted(shown, key=lambda view: view.name)]
    lines = [_heading(canvas, moods), *rows] if height > 3 else rows
    if len(shown) < len(active):
        lines.append(Text(f"  and {count_of(len(active) - len(shown), 'more stream')}", FAINT))
    if height > 5 and (summary := _summary(canvas, active)) is not None:
        lines.append(summary)
    return lines[:height]


def _title(canvas: Canvas, view: View, age: float | None) -> Text:
    """Return a card's first line."""
    line = canvas.title(view)
    if view.down is not None or view.estimate is None or canvas.width < NARROW:
        return line
    details = [count_of(view.estimate.windows, "window"), clock(view.position), *([] if age is None else [ago(age)])]
    right = Text(f"{canvas.glyphs.separator.join(details)} ", FAINT)
    name = canvas.name(view.name, view.track, canvas.width - right.cell_len - 4)
    return canvas.between(Text.assemble(_dot(canvas, view, age), (name, "bold")), right)


def _moods_shown(canvas: Canvas, top_k: int | None) -> int:
    """Return how many moods stand in a row: the name keeps at least two fifths of the width."""
    room = canvas.width * 3 // 5 - _WINDOWS - _AGE
    return max(1, min(top_k or 3, room // canvas.pair_width))


def _name_room(canvas: Canvas, moods: int) -> int:
    return max(4, canvas.width - 2 - moods * canvas.pair_width - _WINDOWS - _AGE - 1)


def _heading(canvas: Canvas, moods: int) -> Text:
    line = Text(set_cell_size(f"  stream{canvas.glyphs.separator}track", 2 + _name_room(canvas, moods)), FAINT)
    line.append(set_cell_size(" average", moods * canvas.pair_width), FAINT)
    return line.append(f"{'windows':>{_WINDOWS}}{'age':>{_AGE}}", FAINT)


def _row(canvas: Canvas, view: View, moods: int, age: float | None) -> Text:
    room = _name_room(canvas, moods)
    name = canvas.fit(canvas.name(view.name, view.track, room), room)
    line = _dot(canvas, view, age).append(set_cell_size(name, room), "bold" if view.down is None else "")
    if view.down is not None:
        what = Text(canvas.fit(f" source down: {view.down}", moods * canvas.pair_width), "red")
    elif view.running is None:
        what = Text(f" listening{canvas.glyphs.ellipsis}", FAINT)
    else:
        what = Text()
        for mood, value in top(view.running, moods):
            what.append(" ").append_text(canvas.pair(mood, value)).append(" ")
    what.truncate(moods * canvas.pair_width, overflow="crop", pad=True)
    windows = "" if view.estimate is None else str(view.estimate.windows)
    line.append_text(what).append(f"{windows:>{_WINDOWS}}{'' if age is None else ago(age):>{_AGE}}", FAINT)
    return line


def _dot(canvas: Canvas, view: View, age: float | None) -> Text:
    """Return the mark before a name: green while its sound comes and has moods."""
    if view.down is not None:
        tone = "red"
    elif age is not None and age > _STALE_SECONDS:
        tone = "yellow"
    else:
        tone = "green" if view.estimate is None or view.estimate.status == "ok" else FAINT
    return Text.assemble((f"{canvas.glyphs.dot} ", tone))


def _summary(canvas: Canvas, active: list[View]) -> Text | None:
    """Return how many streams each mood leads."""
    leading = Counter(top(view.running, 1)[0][0] for view in active if view.running)
    if not leading:
        return None
    parts: list[str] = []
    for mood, count in leading.most_common():
        parts.append(f"{plain(mood)} {count}")
        if cell_len(canvas.glyphs.separator.join(parts)) + 11 > canvas.width:
            parts.pop()
            break
    return Text(f"  leading: {canvas.glyphs.separator.join(parts)}", FAINT)


def frame(state: ScreenState, width: int, height: int, top_k: int | None, glyphs: Glyphs) -> Text:
    """Return the whole picture: at most ``height`` lines of at most ``width`` cells."""
    canvas = Canvas(state.labels, width, glyphs)
    active = state.active()
    if len(active) > 1:
        body = many(canvas, active, height - 2, top_k, state.age)
    else:
        shown = active or state.views()[-1:]
        body = _one(canvas, state, shown[0], height - 2, top_k) if shown else []
    room = height - 2 - len(body) - 1
    several = len(state.views()) > 1
    news = [canvas.news(one, with_stream=several) for one in list(state.news)[-room:]] if room > 0 else []
    lines = [*body, *([Text(), *news] if news else []), Text(), _footer(canvas, state, len(active))]
    lines = lines[-height:]
    for line in lines:
        line.truncate(width, overflow="crop")
    return Text("\n").join(lines)


def final_line(final: Final, labels: Sequence[str], width: int, glyphs: Glyphs) -> Text:
    """Return the one line that is left of a track."""
    canvas = Canvas(labels, width, glyphs)
    length = clock(final.end_s - final.start_s)
    if final.running is None:
        right = Text(f"no mood: nothing scored  {length}", FAINT)
    else:
        right = Text()
        for mood, value in top(final.running, max(1, min(3, (width - 34) // 17))):
            right.append_text(canvas.pair(mood, value)).append("   ")
        right.append(length, FAINT)
    name = canvas.name(final.stream, final.track, width - right.cell_len - 4)
    line = canvas.between(Text.assemble((f"{glyphs.dot} ", "green"), (name, "bold")), right)
    if final.error:
        line.append("\n")
        line.append(canvas.fit(f"  {plain(final.error)}", width), "yellow")
    return line


def final_bars(final: Final, labels: Sequence[str], width: int, top_k: int | None, glyphs: Glyphs) -> Text:
    """Return the picture that is left of the only track."""
    canvas = Canvas(labels, width, glyphs)
    title = Text.assemble((f"{glyphs.dot} ", "green"), (canvas.name(final.stream, final.track, width - 2), "bold"))
    lines = [canvas.between(title, Text()), Text(canvas.fit(f"  {basis(final)}", width), FAINT), Text()]
    if final.running is None:
        lines.append(Text("  no mood: nothing scored", FAINT))
    else:
        lines += [canvas.mood(name, final.running, None) for name, _ in top(final.running, top_k)]
    if final.error:
        lines += [Text(), Text(canvas.fit(f"  {plain(final.error)}", width), "yellow")]
    return Text("\n").join(lines)


def _one(canvas: Canvas, state: ScreenState, view: View, height: int, top_k: int | None) -> list[Text]:
    head = [canvas.title(view), canvas.level(view), Text(), _legend(canvas, state, view)]
    rows = max(1, min(top_k or len(view.order), height - len(head) - 1))
    return [*head, *(canvas.mood(name, view.running, view.window) for name in view.order[:rows])]


def _legend(canvas: Canvas, state: ScreenState, view: View) -> Text:
    glyphs = canvas.glyphs
    if view.final is not None:
        return Text(canvas.fit(f"  {basis(view.final)}", canvas.width), FAINT)
    if not view.here:
        return Text(canvas.fit("  no more of it comes to this process", canvas.width), FAINT)
    if view.estimate is None:
        heard = min(view.heard, state.window_seconds)
        text = Text(f"  listening{glyphs.ellipsis} ", "cyan")
        return text.append(f"{heard:.1f} of {state.window_seconds:.1f} s", FAINT)
    left = Text(f"  {glyphs.full}{glyphs.full} average  {glyphs.now} now", FAINT)
    if view.estimate.status == "silence":
        left = Text("  silence", "cyan")
    elif view.estimate.status == "gap":
        left = Text("  gap: sound was lost", "yellow")
    return canvas.between(left, Text("avg   now " if canvas.width >= NARROW else "avg  now ", FAINT))


def _footer(canvas: Canvas, state: ScreenState, active: int) -> Text:
    # The time of day shows whether the picture still moves.
    parts = [state.time_of_day, f"{active} streams"] if active > 1 else []
    if state.speed is not None:
        speed = f"{state.speed:.1f}" if state.speed < 10 else f"{state.speed:.0f}"
        parts.append(f"{speed}{canvas.glyphs.times} real time")
    if state.window_ms is not None:
        parts.append(f"{state.window_ms:.1f} ms a window")
    separator = canvas.glyphs.separator
    right = state.model
    if cell_len(separator.join(parts)) + cell_len(right) + 6 > canvas.width:
        right = ""
    while parts and cell_len(separator.join(parts)) + 2 > canvas.width:
        parts.pop()
    return canvas.between(Text(f"  {separator.join(parts)}", FAINT), Text(f"{right} ", FAINT))
