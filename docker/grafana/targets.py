"""What a dashboard asks of Prometheus: read from its JSON, with its variables filled in as Grafana does.

dashboard = read(Path("docker/grafana/dashboards/mood.json"))
for target in targets(dashboard):
target.panel, target.expr               # "Moods now", "sort_desc(avg by (mood) (...))"
fill(target.expr, {"stream": ["radio", "mic"]}, step_seconds=15, range_seconds=3600, scrape_seconds=15)
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A query of a dashboard.

    Attributes:
        panel: the panel's title; of an annotation, its name.
        expr: PromQL, with the dashboard's variables in it.
        is_instant: asked of the last moment only.
        interval: the least step, in seconds; 0 where the panel sets none.
        span: the panel's own range, in seconds; 0 where it takes the page's.
    """

    panel: str
    expr: str
    is_instant: bool
    interval: float
    span: float


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """A variable whose values Prometheus knows: those of a label, of the series that a selector matches."""

    name: str
    selector: str
    label: str
    every: str


def read(path: Path) -> dict[str, Any]:
    """Read a dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return all panels, those of folded rows too; no rows."""
    for each in dashboard["panels"]:
        if each["type"] == "row":
            yield from each.get("panels") or ()
        else:
            yield each


def targets(dashboard: Mapping[str, Any]) -> Iterator[Target]:
    """Return all queries: those of the panels, in their order, then those of the annotations."""
    for panel in panels(dashboard):
        interval, span = seconds(panel.get("interval") or "0s"), seconds(panel.get("timeFrom") or "0s")
        for target in panel["targets"]:
            yield Target(panel["title"], target["expr"], bool(target.get("instant")), interval, span)
    for annotation in dashboard["annotations"]["list"]:
        yield Target(f"annotation: {annotation['name']}", annotation["expr"], False, 0, 0)


def variables(dashboard: Mapping[str, Any]) -> Iterator[Variable]:
    """Return the variables that are asked of Prometheus, in their order: one may use those before it."""
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            asked = re.fullmatch(r"label_values\((?P<selector>.+), *(?P<label>\w+)\)", each["query"])
            if asked is None:
                raise ValueError(f"{each['name']}: this tool knows label_values(SELECTOR, LABEL) only")
            yield Variable(each["name"], asked["selector"], asked["label"], each["allValue"])


def defaults(dashboard: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return what is chosen when the dashboard is opened, by variable."""
    chosen: dict[str, Sequence[str]] = {each.name: [each.every] for each in variables(dashboard)}
    for each in dashboard["templating"]["list"]:
        if each["type"] == "custom":
            chosen[each["name"]] = [each["current"]["value"]]
    return chosen


def fill(
    expr: str,
    values: Mapping[str, Sequence[str]],
    *,
    step_seconds: float,
    range_seconds: float,
    scrape_seconds: float,
) -> str:
    """Return a query as Prometheus gets it.

    A rate's interval is the step and a scrape, and four scrapes at least (Grafana's documentation of
    ``$__rate_interval``). One value stands as it is, several as a regular expression of them all.

    Raises:
        ValueError: there is no value for a variable.
    """
    rate = max(step_seconds + scrape_seconds, 4 * scrape_seconds)
    known = {
        "__interval": _duration(step_seconds),
        "__rate_interval": _duration(rate),
        "__range": _duration(range_seconds),
        **{name: some[0] if len(some) == 1 else f"({'|'.join(some)})" for name, some in values.items()},
    }

    def value(found: re.Match[str]) -> str:
        name = found["plain"] or found["braced"]
        if name not in known:
            raise ValueError(f"there is no variable ${name} for {expr}")
        return known[name]

    return re.sub(r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>\w+)\})", value, expr)


def quoted(value: str) -> str:
    """Return a value for a regular expression in a PromQL string, as Grafana quotes those that are chosen."""
    return re.sub(r"[\\^$.*+?()\[\]{}|]", lambda found: rf"\\{found[0]}", value).replace('"', '\\"')


def seconds(duration: str) -> float:
    """Read a duration such as ``24h``.

    Raises:
        ValueError: it is none.
    """
    if duration[-1:] not in _UNITS:
        raise ValueError(f"{duration!r} is no duration: write a number and one of {', '.join(_UNITS)}")
    return float(duration[:-1]) * _UNITS[duration[-1]]


def _duration(length: float) -> str:
    return f"{max(1, round(length * 1000))}ms"
