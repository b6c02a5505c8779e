"""The screen of several streams: a card each while they fit, else a table with a row each.

    lines = many(pen, state.active(), height=22, top_k=None, age=state.age)

Rows stand in the order of their names, so that each stays where it is.

Imports rich, so it is imported only by the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from stream.common.text import ago, clock, count_of, plain, top
from stream.sinks.screen_pen import FAINT, NARROW, Pen
from stream.sinks.screen_state import View

Age = Callable[[View], float | None]
"""How long ago the sound was captured that a stream's moods rest on, in seconds; None where nobody knows."""

_ROOM_FOR_NEWS = 5
_WINDOWS, _AGE = 9, 7
"""Cells of the columns with numbers."""
_STALE_SECONDS = 15.0


def many(pen: Pen, active: list[View], height: int, top_k: int | None, age: Age) -> list[Text]:
    """Return at most ``height`` lines with the streams that play, the one that began last at the end."""
    if 3 * len(active) - 1 <= height - _ROOM_FOR_NEWS:
        lines = []
        for view in sorted(active, key=lambda view: view.name):
            lines += [_title(pen, view, age(view)), pen.short(view, top_k), Text()]
        return lines[:-1]
    return _table(pen, active, height, top_k, age)


def _table(pen: Pen, active: list[View], height: int, top_k: int | None, age: Age) -> list[Text]:
    room = max(1, height - 3)  # beside the heading and the line below
    shown = active if len(active) <= room else active[-room:]
    moods = _moods_shown(pen, top_k)
    rows = [_row(pen, view, moods, age(view)) for view in sorted(shown, key=lambda view: view.name)]
    lines = [_heading(pen, moods), *rows] if height > 3 else rows
    if len(shown) < len(active):
        lines.append(Text(f"  and {count_of(len(active) - len(shown), 'more stream')}", FAINT))
    if height > 5 and (summary := _summary(pen, active)) is not None:
        lines.append(summary)
    return lines[:height]


def _title(pen: Pen, view: View, age: float | None) -> Text:
    """Return a card's first line."""
    line = pen.title(view)
    if view.down is not None or view.estimate is None or pen.width < NARROW:
        return line
    told = [count_of(view.estimate.windows, "window"), clock(view.position), *([] if age is None else [ago(age)])]
    right = Text(f"{pen.glyphs.separator.join(told)} ", FAINT)
    name = pen.name(view.name, view.track, pen.width - right.cell_len - 4)
    return pen.between(Text.assemble(_dot(pen, view, age), (name, "bold")), right)


def _moods_shown(pen: Pen, top_k: int | None) -> int:
    """Return how many moods stand in a row: the name keeps at least two fifths of the width."""
    room = pen.width * 3 // 5 - _WINDOWS - _AGE
    return max(1, min(top_k or 3, room // pen.pair_width))


def _name_room(pen: Pen, moods: int) -> int:
    return max(4, pen.width - 2 - moods * pen.pair_width - _WINDOWS - _AGE - 1)


def _heading(pen: Pen, moods: int) -> Text:
    line = Text(set_cell_size(f"  stream{pen.glyphs.separator}track", 2 + _name_room(pen, moods)), FAINT)
    line.append(set_cell_size(" average", moods * pen.pair_width), FAINT)
    return line.append(f"{'windows':>{_WINDOWS}}{'age':>{_AGE}}", FAINT)


def _row(pen: Pen, view: View, moods: int, age: float | None) -> Text:
    room = _name_room(pen, moods)
    name = pen.fit(pen.name(view.name, view.track, room), room)
    line = _dot(pen, view, age).append(set_cell_size(name, room), "bold" if view.down is None else "")
    if view.down is not None:
        what = Text(pen.fit(f" source down: {view.down}", moods * pen.pair_width), "red")
    elif view.running is None:
        what = Text(f" listening{pen.glyphs.ellipsis}", FAINT)
    else:
        what = Text()
        for mood, value in top(view.running, moods):
            what.append(" ").append_text(pen.pair(mood, value)).append(" ")
    what.truncate(moods * pen.pair_width, overflow="crop", pad=True)
    windows = "" if view.estimate is None else str(view.estimate.windows)
    line.append_text(what).append(f"{windows:>{_WINDOWS}}{'' if age is None else ago(age):>{_AGE}}", FAINT)
    return line


def _dot(pen: Pen, view: View, age: float | None) -> Text:
    """Return the mark before a name: green while its sound comes and has moods."""
    if view.down is not None:
        tone = "red"
    elif age is not None and age > _STALE_SECONDS:
        tone = "yellow"
    else:
        tone = "green" if view.estimate is None or view.estimate.status == "ok" else FAINT
    return Text.assemble((f"{pen.glyphs.dot} ", tone))


def _summary(pen: Pen, active: list[View]) -> Text | None:
    """Return how many streams each mood leads."""
    leading = Counter(top(view.running, 1)[0][0] for view in active if view.running)
    if not leading:
        return None
    parts: list[str] = []
    for mood, count in leading.most_common():
        parts.append(f"{plain(mood)} {count}")
        if cell_len(pen.glyphs.separator.join(parts)) + 11 > pen.width:
            parts.pop()
            break
    return Text(f"  leading: {pen.glyphs.separator.join(parts)}", FAINT)
