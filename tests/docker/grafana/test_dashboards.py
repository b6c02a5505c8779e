"""The dashboards' files: they are what the script writes, what Grafana's SDK reads whole, and nothing overlaps."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import panelcfg_config
from grafana_foundation_sdk.models.dashboard import Dashboard

from docker.grafana import build
from docker.grafana.targets import panels, read, targets, variables
from stream.metrics.table import ALL_DEFINITIONS

GRAFANA = Path(build.__file__).parent
FILES = sorted(build.FOLDER.glob("*.json"))
_COLUMNS = 24
# What Prometheus's annotations have; the SDK knows what those of all data sources have.
_OF_PROMETHEUS = re.compile(r"/annotations/list/\d+/(titleFormat|tagKeys|target/(expr|refId))")


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard, as its file has it."""
    return read(request.param)


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [each.expr for each in targets(dashboard)] + [each.selector for each in variables(dashboard)]


def test_the_files_are_what_the_script_writes(tmp_path: Path):
    written = build.write(tmp_path)
    assert [path.name for path in sorted(written)] == [path.name for path in FILES]
    for path in written:
        assert path.read_text() == (build.FOLDER / path.name).read_text(), "run python -m docker.grafana.build"


def test_grafanas_schema_has_a_place_for_every_key(dashboard: dict[str, Any]):
    register_default_plugins()
    for panel in panels(dashboard):
        assert panelcfg_config(panel["type"]) is not None, panel["type"]
    assert unknown(dashboard) == []


def test_a_key_that_grafana_does_not_know_would_be_found():
    register_default_plugins()
    wrong = read(FILES[0])
    wrong["panels"][1]["colour"] = "red"
    wrong["panels"][1]["fieldConfig"]["defaults"]["units"] = "s"
    assert unknown(wrong) == ["/panels/1/fieldConfig/defaults/units", "/panels/1/colour"]


def unknown(dashboard: dict[str, Any]) -> list[str]:
    """Where the SDK loses or changes something on the way through its classes."""
    kept = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    return [path for path in lost(dashboard, kept) if not _OF_PROMETHEUS.fullmatch(path)]


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """Where something is missing or another; what the SDK adds are Grafana's own defaults."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [each for key in given for each in lost(given[key], kept.get(key, lost), f"{path}/{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [each for index in range(len(given)) for each in lost(given[index], kept[index], f"{path}/{index}")]
    return [] if given == kept else [path]


def test_every_panel_says_what_it_shows_in_which_unit(dashboard: dict[str, Any]):
    for panel in panels(dashboard):
        title = panel["title"]
        assert panel["description"].endswith("."), title
        assert len(panel["description"]) > len(title), title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, title
        assert [each["refId"] for each in panel["targets"]] == list("ABCDEF")[: len(panel["targets"])], title


def test_no_number_or_title_is_given_twice(dashboard: dict[str, Any]):
    every = [*panels(dashboard), *(each for each in dashboard["panels"] if each["type"] == "row")]
    numbers = [each["id"] for each in every]
    assert len(set(numbers)) == len(numbers)
    for row, shown in by_row(dashboard):
        titles = [each["title"] for each in shown]
        assert len(set(titles)) == len(titles), row


def by_row(dashboard: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    found: list[tuple[str, list[dict[str, Any]]]] = []
    for each in dashboard["panels"]:
        if each["type"] == "row":
            found.append((each["title"], list(each["panels"])))
        else:
            found[-1][1].append(each)
    return found


def test_no_panel_lies_on_another_or_over_the_edge_and_lines_are_full(dashboard: dict[str, Any]):
    # A folded row lies on its own line until it is opened; its panels then push down what is below.
    open_panels = [each for each in dashboard["panels"] if not (each["type"] == "row" and each["collapsed"])]
    folded = [each["panels"] for each in dashboard["panels"] if each["type"] == "row" and each["collapsed"]]
    for group in [open_panels, *folded]:
        places = [(each["title"], each["gridPos"]) for each in group]
        for title, place in places:
            assert place["x"] >= 0, title
            assert place["x"] + place["w"] <= _COLUMNS, title
        for (one, a), (other, b) in itertools.combinations(places, 2):
            beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            assert beside or below, f"{one!r} lies on {other!r}"
        for y in {place["y"] for _, place in places}:
            line = [place for _, place in places if place["y"] == y]
            assert sum(place["w"] for place in line) == _COLUMNS, f"line {y} is not full"
            assert len({place["h"] for place in line}) == 1, f"line {y} is uneven"


def test_annotations_are_on_panels_that_there_are(dashboard: dict[str, Any]):
    numbers = {each["id"] for each in panels(dashboard)}
    for each in dashboard["annotations"]["list"]:
        assert set(each.get("filter", {}).get("ids", [])) <= numbers
        assert "{{" in each["titleFormat"]
        assert each["target"]["expr"] == each["expr"]


def test_every_query_uses_variables_that_are_there_and_every_variable_is_used(dashboard: dict[str, Any]):
    named = {each["name"] for each in dashboard["templating"]["list"]}
    text = json.dumps(dashboard["panels"]) + "".join(expressions(dashboard))
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used == named


def test_queries_name_only_metrics_and_rules_that_there_are(dashboard: dict[str, Any]):
    known = {each.full_name for each in ALL_DEFINITIONS}
    known |= {f"{each.full_name}_{part}" for each in ALL_DEFINITIONS for part in ("bucket", "sum", "count")}
    rules = {
        rule["record"]
        for path in (GRAFANA.parent / "prometheus" / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    choices = [value for each in dashboard["templating"]["list"] for value in options(each)]
    for expr in expressions(dashboard):
        for choice in choices or [""]:
            plain = expr.replace("${measure}", choice)
            recorded = set(re.findall(r"\w+:moodstream_\w+:\w+", plain))
            assert recorded <= rules
            for rule in recorded:
                plain = plain.replace(rule, "")
            assert set(re.findall(r"\bmoodstream_\w+", plain)) <= known


def options(variable: dict[str, Any]) -> list[str]:
    return [each["value"] for each in variable.get("options") or [] if variable["type"] == "custom"]


def test_whatever_is_measured_is_shown_somewhere():
    shown = " ".join(expr for path in FILES for expr in expressions(read(path)))
    shown = shown.replace("${measure}", "mood_probability") + "moodstream_mood_window_probability"
    names = [each.full_name for each in ALL_DEFINITIONS]
    unseen = [name for name in names if not re.search(rf"\b{name}(_bucket|_sum|\b)", shown)]
    assert unseen == [], "a new metric wants a panel: docker/grafana/*_rows.py, then python -m docker.grafana.build"


def test_the_provisioned_data_source_fits_the_scrapes_and_the_provider_finds_the_dashboards():
    provisioning = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    scrapes = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text())
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scrapes["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "moodstream.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert Path(provider["options"]["path"]).is_absolute()
