"""Asks a Prometheus all that the dashboards ask, and says what came: which panels would be empty, and why.

    python -m docker.grafana.queries                                        # of 127.0.0.1:9090, over the last hour
    python -m docker.grafana.queries --prometheus http://prometheus:9090 --range 24h --scrape 15s
    python -m docker.grafana.queries --set stream=radio docker/grafana/dashboards/mood.json

One line a query: panel, series, the sum of their last numbers, and the query as it was sent. Exit code 1 if a query was
refused or nothing came of it; 2 if the call was wrong. Needs no Grafana and no package beyond Python's own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docker.grafana.targets import Target, defaults, fill, quoted, read, seconds, targets, variables

FOLDER = Path(__file__).parent / "dashboards"
_POINTS = 240  # of a course; about a panel's width in pixels over the width of a bar
_PATIENCE = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came of a query.

    Attributes:
        panel: the panel's title.
        query: as Prometheus got it.
        series: series with at least one number that is no NaN.
        last: the sum of their last numbers.
        error: why the query was refused; empty if it was not.
    """

    panel: str
    query: str
    series: int
    last: float
    error: str = ""


class Prometheus:
    """A Prometheus by its address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, **fields: str | float) -> Any:
        """Ask its API.

        Raises:
            ValueError: it refuses the question; the message is its own.
            OSError: it does not answer.
        """
        form = urllib.parse.urlencode({name.rstrip("_"): value for name, value in fields.items()})
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{form}", timeout=_PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            raise ValueError(said) from None


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """A dashboard as somebody looks at it.

    Attributes:
        end: the end of the page's time, seconds since the epoch.
        span: its length, in seconds.
        scrape: from scrape to scrape, in seconds, as the data source is told.
        chosen: values by variable, as they stand in a query.
    """

    end: float
    span: float
    scrape: float
    chosen: Mapping[str, Sequence[str]]

    def ask(self, prometheus: Prometheus, target: Target) -> Answer:
        """Ask one query."""
        span = target.span or self.span
        step = max(target.interval, self.scrape, span / _POINTS)
        query = fill(target.expr, self.chosen, step_seconds=step, range_seconds=span, scrape_seconds=self.scrape)
        try:
            if target.is_instant:
                found = prometheus.get("query", query=query, time=self.end)["result"]
                courses = [[each["value"]] for each in found]
            else:
                # The last step is the page's end, so that a short run shows in a panel of long steps, too.
                start = self.end - math.floor(span / step) * step
                found = prometheus.get("query_range", query=query, start=start, end=self.end, step=step)["result"]
                courses = [each["values"] for each in found]
        except ValueError as error:
            return Answer(target.panel, query, 0, math.nan, str(error))
        last = [known[-1] for course in courses if (known := [y for _, y in course if not math.isnan(float(y))])]
        return Answer(target.panel, query, len(last), sum(map(float, last)))

    def values(self, prometheus: Prometheus, selector: str, label: str) -> list[str]:
        """Return the values that a variable offers."""
        matched = fill(
            selector, self.chosen, step_seconds=self.scrape, range_seconds=self.span, scrape_seconds=self.scrape
        )
        found: list[str] = prometheus.get(
            f"label/{label}/values", **{"match[]": matched}, start=self.end - self.span, end=self.end
        )
        return found


def ask_all(dashboard: Mapping[str, Any], prometheus: Prometheus, view: View) -> Iterator[Answer]:
    """Ask all variables and queries of a dashboard.

    Raises:
        OSError: Prometheus does not answer.
    """
    for each in variables(dashboard):
        offered = view.values(prometheus, each.selector, each.label)
        yield Answer(f"variable: {each.name}", f"label_values({each.selector}, {each.label})", len(offered), math.nan)
    for target in targets(dashboard):
        yield view.ask(prometheus, target)


def table(answers: Sequence[Answer]) -> str:
    """Return the answers as text: a line a query."""
    width = max((len(answer.panel) for answer in answers), default=0)
    lines = [f"{'panel':{width}}  series  last sum    query"]
    for answer in answers:
        number = "" if math.isnan(answer.last) else f"{answer.last:.4g}"
        query = " ".join(answer.query.split())
        lines.append(f"{answer.panel:{width}}  {answer.series:6}  {number:10}  {answer.error or query}")
    return "\n".join(lines) + "\n"


def _time(written: str) -> float:
    try:
        return seconds(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m docker.grafana.queries", description=__doc__.splitlines()[0])
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--range", default="1h", type=_time, metavar="TIME", help="the page's time: 15m, 24h (1h)")
    parser.add_argument("--scrape", default="15s", type=_time, metavar="TIME", help="from scrape to scrape (15s)")
    parser.add_argument("--set", default=[], action="append", metavar="VARIABLE=VALUE", help="choose a value; repeat")
    parser.add_argument("dashboards", nargs="*", type=Path, metavar="FILE", help="all of them unless given")
    arguments = parser.parse_args(argv)
    if unclear := [each for each in arguments.set if "=" not in each]:
        parser.error(f"--set {unclear[0]}: write VARIABLE=VALUE, such as stream=radio")
    chosen: dict[str, list[str]] = {}
    for name, _, value in (each.partition("=") for each in arguments.set):
        chosen.setdefault(name, []).append(quoted(value))
    empty = 0
    for path in arguments.dashboards or sorted(FOLDER.glob("*.json")):
        try:
            dashboard = read(path)
            view = View(time.time(), arguments.range, arguments.scrape, {**defaults(dashboard), **chosen})
            answers = list(ask_all(dashboard, Prometheus(arguments.prometheus), view))
        except (OSError, ValueError, KeyError) as error:
            sys.stderr.write(f"{path}, {arguments.prometheus}: {error}\n")
            return 1
        sys.stdout.write(f"{dashboard['title']}\n{table(answers)}\n")
        empty += sum(answer.series == 0 for answer in answers)
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())
