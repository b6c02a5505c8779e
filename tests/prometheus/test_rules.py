"""The configuration, recording rules and alerts: right in themselves, tested, documented, and of metrics of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.metrics.table import ALL_DEFINITIONS
from tests.promtool import promtool

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "docker" / "prometheus" / "rules").glob("*.yml"))
UNIT_TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))
NAME = re.compile(r"(?:[a-z0-9_]+:)?moodstream_[a-z0-9_]+(?::[a-z0-9_]+)?")


def rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = [rule["record"] for rule in rules() if "record" in rule]


def test_promtool_finds_the_configuration_and_its_rules_right():
    said = promtool("check", "config", ROOT / "docker" / "prometheus" / "prometheus.yml")
    for path in RULES:
        assert str(path) in said


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_promtools_unit_tests(path: Path):
    promtool("test", "rules", path)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_seen_firing_and_not_firing(alert: str):
    checks = [
        check
        for path in UNIT_TESTS
        for group in yaml.safe_load(path.read_text())["tests"]
        for check in group.get("alert_rule_test", [])
        if check["alertname"] == alert
    ]
    assert {bool(check["exp_alerts"]) for check in checks} == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_says_what_it_is_and_where_its_entry_in_the_runbook_is(alert: str):
    annotations = ALERTS[alert]["annotations"]
    assert ALERTS[alert]["labels"]["severity"] in ("warning", "critical")
    assert annotations["summary"]
    assert annotations["description"].endswith(".")
    path, _, anchor = annotations["runbook_url"].partition("#")
    assert anchor in anchors(ROOT / path)
    assert anchor == alert.lower()


def test_the_runbook_has_no_entry_for_an_alert_that_is_gone():
    assert anchors(ROOT / "docs" / "runbook.md") == {alert.lower() for alert in ALERTS}


def anchors(page: Path) -> set[str]:
    return {line[3:].lower().replace(" ", "-") for line in page.read_text().splitlines() if line.startswith("## ")}


def test_recorded_names_say_level_metric_and_operation():
    assert len(RECORDED) == len(set(RECORDED))
    for name in RECORDED:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*:moodstream_[a-z0-9_]+:[a-z0-9_]+", name), name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_ask_for_metrics_and_labels_that_there_are(rule: dict[str, Any]):
    names = NAME.findall(rule["expr"])
    assert names or re.match(r"(absent\()?up{", rule["expr"])
    assert set(names) <= exposed() | set(RECORDED)
    known = {label for one in ALL_DEFINITIONS for label in one.labels} | {"job", "instance", "le"}
    asked = re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"])
    assert {label for labels in asked for label in labels.split(", ")} <= known
    assert set(re.findall(r"([a-z]+)=~?\"", rule["expr"])) <= known


def exposed() -> set[str]:
    """Names of the series in a scrape."""
    names = set()
    for one in ALL_DEFINITIONS:
        suffixes = ("_bucket", "_sum", "_count") if one.type == "histogram" else ("",)
        names |= {one.full_name + suffix for suffix in suffixes}
    return names
