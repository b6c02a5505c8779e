"""The table of an evening, for a terminal.

show(evening, bad=0, console=Console())
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.common.text import clock, count_of, plain
from stream.evening.evening import Evening, leading

_MOST_TRACKS = 200
_NAMED = 3


def show(evening: Evening, bad: int, console: Console) -> None:
    """Print what was heard, how long each mood leads, and the finals of the tracks."""
    began = evening.began.astimezone()
    names = ", ".join(plain(name) for name in evening.names[:5])
    console.print(Text(f"{names}{' …' if len(evening.names) > 5 else ''}", style="bold"))
    parts = [f"{began:%Y-%m-%d %H:%M}", f"{clock(evening.length)} long", count_of(len(evening.windows), "window")]
    parts += [f"{clock(evening.seconds('silence'))} of silence"] if evening.seconds("silence") else []
    parts += [f"{clock(evening.seconds('gap'))} lost"] if evening.seconds("gap") else []
    parts += [f"{count_of(evening.troubles, 'warning')} of the source"] if evening.troubles else []
    parts += [f"{count_of(bad, 'line')} skipped that {'is' if bad == 1 else 'are'} no record"] if bad else []
    console.print(Text(" · ".join(parts)))
    if evening.others:
        others = ", ".join(plain(name) for name in evening.others[:8])
        console.print(Text(f"not in it, see --stream: {others}{' …' if len(evening.others) > 8 else ''}"))
    console.print(_moods(evening))
    if evening.tracks:
        console.print(_tracks(evening))


def _moods(evening: Evening) -> Table:
    table = Table("mood", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("leads", "on average", "highest", "at", "events"):
        table.add_column(name, justify="right")
    shares, means = evening.shares(), evening.means()
    for mood in evening.labels:
        best = max((each for each in evening.windows if mood in (each.moods or {})), key=lambda each: each.moods[mood])  # type: ignore[index]
        events = sum(each.mood == mood for each in evening.lasting)
        assert best.moods is not None
        table.add_row(
            Text(plain(mood)),
            f"{100 * shares.get(mood, 0.0):.0f} %",
            f"{100 * means[mood]:.0f} %",
            f"{100 * best.moods[mood]:.0f} %",
            clock(best.begin),
            str(events or ""),
        )
    return table


def _tracks(evening: Evening) -> Table:
    table = Table("track", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("from", justify="right")
    table.add_column("to", justify="right")
    table.add_column("windows", justify="right")
    table.add_column("moods")
    for track in evening.tracks[:_MOST_TRACKS]:
        highest = sorted((track.moods or {}).items(), key=lambda item: -item[1])[:_NAMED]
        moods = ", ".join(f"{plain(mood)} {value:.2f}" for mood, value in highest) or "nothing scored"
        if highest and leading(track.moods) is None:
            moods = "no mood"
        note = {"gap": " (sound was lost)", "silence": " (silence)"}.get(track.status, "")
        table.add_row(
            Text(plain(track.name)), clock(track.begin), clock(track.end), str(track.windows), Text(moods + note)
        )
    if len(evening.tracks) > _MOST_TRACKS:
        table.add_row(Text(f"and {len(evening.tracks) - _MOST_TRACKS} more"))
    return table
