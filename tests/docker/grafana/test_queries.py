"""Every query of every dashboard has data in a real Prometheus that asked real taggers.

python -m pytest tests/docker/grafana/test_queries.py -s        # prints panel, series, last number and query
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from docker.grafana import build, queries
from docker.grafana.queries import Answer, View, ask_all
from docker.grafana.targets import defaults, quoted, read
from tests.prometheus.server import Prometheus

FILES = sorted(build.FOLDER.glob("*.json"))
T = TypeVar("T")
_SCRAPE_SECONDS = 0.5
_SPAN_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0


def look(run: Prometheus, path: Path, chosen: Mapping[str, Sequence[str]]) -> list[Answer]:
    """What a dashboard shows now of the last minute."""
    dashboard = read(path)
    view = View(time.time(), _SPAN_SECONDS, _SCRAPE_SECONDS, {**defaults(dashboard), **chosen})
    return list(ask_all(dashboard, queries.Prometheus(run.url), view))


def look_until_full(run: Prometheus, path: Path, chosen: Mapping[str, Sequence[str]]) -> list[Answer]:
    """Look again until there is data for every query; the moods and rates need some seconds of sound."""
    return until(lambda: look(run, path, chosen), lambda found: all(each.series for each in found))


def until(look_now: Callable[[], T], is_done: Callable[[T], bool]) -> T:
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, threading.Event()
    while not is_done(found := look_now()) and time.monotonic() < deadline:
        pause.wait(0.5)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("measure", ["mood_probability", "mood_window_probability"])
def test_every_query_of_the_dashboard_has_data(run: Prometheus, path: Path, measure: str):
    found = look_until_full(run, path, {"measure": [measure]})
    print(f"\n{path.stem}\n{queries.table(found)}")
    assert [each for each in found if each.error] == []
    assert [each.panel for each in found if not each.series] == []


def test_one_stream_can_be_looked_at_alone(run: Prometheus):
    everything = {each.panel: each for each in look_until_full(run, build.FOLDER / "mood.json", {})}
    for stream in ("demo", "kafka"):
        chosen = {"stream": [quoted(stream)]}
        found = {each.panel: each for each in look_until_full(run, build.FOLDER / "mood.json", chosen)}
        assert [name for name, each in found.items() if not each.series] == []
        assert found["Level"].series == 1 < everything["Level"].series


def test_several_moods_are_alternatives(run: Prometheus):
    found = look_until_full(run, build.FOLDER / "mood.json", {"mood": ["happy", "sad"]})
    assert next(each for each in found if each.panel == "Moods over time").series == 2


def test_trouble_shows(run: Prometheus):
    def last(panel: str) -> float:
        return next(each.last for path in FILES for each in look(run, path, {}) if each.panel == panel)

    assert until(lambda: last("Dead letters"), lambda count: count > 0) > 0  # the records of no use
    assert 0 < until(lambda: last("Scored"), lambda share: share < 1) < 1  # the hole


def test_the_command_prints_the_same_and_fails_where_a_panel_is_empty(
    run: Prometheus, capsys: pytest.CaptureFixture[str]
):
    look_until_full(run, build.FOLDER / "mood.json", {})
    usual = ["--prometheus", run.url, "--range", "1m", "--scrape", "1s", str(build.FOLDER / "mood.json")]
    assert queries.main(usual) == 0
    assert "Leading mood of each stream" in capsys.readouterr().out
    assert queries.main([*usual, "--set", "stream=nobody"]) == 1
