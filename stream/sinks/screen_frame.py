"""Draws the screen: from what it knows to lines of text that fit.

    frame(state, width=80, height=24, top_k=None, glyphs=UNICODE)       # a rich Text, no wider and no higher

Imports rich, so it is imported only by the screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from stream.common.text import basis, clock, plain, top
from stream.sinks.screen_many import many
from stream.sinks.screen_pen import FAINT, NARROW, Glyphs, Pen
from stream.sinks.screen_state import ScreenState, View
from stream.tagging.record import Final


def frame(state: ScreenState, width: int, height: int, top_k: int | None, glyphs: Glyphs) -> Text:
    """Return the whole picture: at most ``height`` lines of at most ``width`` cells."""
    pen = Pen(state.labels, width, glyphs)
    active = state.active()
    if len(active) > 1:
        body = many(pen, active, height - 2, top_k, state.age)
    else:
        shown = active or state.views()[-1:]
        body = _one(pen, state, shown[0], height - 2, top_k) if shown else []
    room = height - 2 - len(body) - 1
    news = [pen.news(one, named=len(state.views()) > 1) for one in list(state.news)[-room:]] if room > 0 else []
    lines = [*body, *([Text(), *news] if news else []), Text(), _footer(pen, state, len(active))]
    lines = lines[-height:]
    for line in lines:
        line.truncate(width, overflow="crop")
    return Text("\n").join(lines)


def final_line(final: Final, labels: Sequence[str], width: int, glyphs: Glyphs) -> Text:
    """Return the one line that is left of a track."""
    pen = Pen(labels, width, glyphs)
    length = clock(final.end_s - final.start_s)
    if final.running is None:
        right = Text(f"no mood: nothing scored  {length}", FAINT)
    else:
        right = Text()
        for mood, value in top(final.running, max(1, min(3, (width - 34) // 17))):
            right.append_text(pen.pair(mood, value)).append("   ")
        right.append(length, FAINT)
    name = pen.name(final.stream, final.track, width - right.cell_len - 4)
    line = pen.between(Text.assemble((f"{glyphs.dot} ", "green"), (name, "bold")), right)
    if final.error:
        line.append("\n")
        line.append(pen.fit(f"  {plain(final.error)}", width), "yellow")
    return line


def final_bars(final: Final, labels: Sequence[str], width: int, top_k: int | None, glyphs: Glyphs) -> Text:
    """Return the picture that is left of the only track."""
    pen = Pen(labels, width, glyphs)
    title = Text.assemble((f"{glyphs.dot} ", "green"), (pen.name(final.stream, final.track, width - 2), "bold"))
    lines = [pen.between(title, Text()), Text(pen.fit(f"  {basis(final)}", width), FAINT), Text()]
    if final.running is None:
        lines.append(Text("  no mood: nothing scored", FAINT))
    else:
        lines += [pen.mood(name, final.running, None) for name, _ in top(final.running, top_k)]
    if final.error:
        lines += [Text(), Text(pen.fit(f"  {plain(final.error)}", width), "yellow")]
    return Text("\n").join(lines)


def _one(pen: Pen, state: ScreenState, view: View, height: int, top_k: int | None) -> list[Text]:
    head = [pen.title(view), pen.level(view), Text(), _legend(pen, state, view)]
    rows = max(1, min(top_k or len(view.order), height - len(head) - 1))
    return [*head, *(pen.mood(name, view.running, view.window) for name in view.order[:rows])]


def _legend(pen: Pen, state: ScreenState, view: View) -> Text:
    glyphs = pen.glyphs
    if view.final is not None:
        return Text(pen.fit(f"  {basis(view.final)}", pen.width), FAINT)
    if not view.here:
        return Text(pen.fit("  no more of it comes to this process", pen.width), FAINT)
    if view.estimate is None:
        heard = min(view.heard, state.window_seconds)
        text = Text(f"  listening{glyphs.ellipsis} ", "cyan")
        return text.append(f"{heard:.1f} of {state.window_seconds:.1f} s", FAINT)
    left = Text(f"  {glyphs.full}{glyphs.full} average  {glyphs.now} now", FAINT)
    if view.estimate.status == "silence":
        left = Text("  silence", "cyan")
    elif view.estimate.status == "gap":
        left = Text("  gap: sound was lost", "yellow")
    return pen.between(left, Text("avg   now " if pen.width >= NARROW else "avg  now ", FAINT))


def _footer(pen: Pen, state: ScreenState, active: int) -> Text:
    # With the time of day, a picture that stands still is seen to.
    parts = [state.time_of_day, f"{active} streams"] if active > 1 else []
    if state.speed is not None:
        speed = f"{state.speed:.1f}" if state.speed < 10 else f"{state.speed:.0f}"
        parts.append(f"{speed}{pen.glyphs.times} real time")
    if state.window_ms is not None:
        parts.append(f"{state.window_ms:.1f} ms a window")
    separator = pen.glyphs.separator
    right = state.model
    if cell_len(separator.join(parts)) + cell_len(right) + 6 > pen.width:
        right = ""
    while parts and cell_len(separator.join(parts)) + 2 > pen.width:
        parts.pop()
    return pen.between(Text(f"  {separator.join(parts)}", FAINT), Text(f"{right} ", FAINT))
