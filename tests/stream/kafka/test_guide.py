"""docs/kafka.md names what there is: flags, variables, metrics, defaults, reasons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stream.metrics.metrics import DEAD_LETTER_REASONS
from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS
from stream.settings.kafka import DeadLettersSettings, TopicSettings
from stream.settings.listen import Settings
from stream.settings.publish import PublishSettings
from stream.settings.table import Option, options_of

DOCS = Path(__file__).parents[3] / "docs"
OF_OTHERS = {"--alter", "--isolation-level"}
"""Flags of Kafka's own tools."""
ACTIONS = {"--config", "--print-config", "--list-devices", "--version", "--help"}
"""Flags that are no options."""


@pytest.fixture(scope="module")
def guide() -> str:
    return (DOCS / "kafka.md").read_text()


@pytest.fixture(scope="module")
def options() -> dict[str, Option]:
    """Return every option of the commands by its flag."""
    classes = (Settings, PublishSettings, TopicSettings, DeadLettersSettings)
    return {flag: option for each in classes for option in options_of(each) for flag in option.flags}


def test_every_flag_exists(guide: str, options: dict[str, Option]) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", guide))
    assert named - set(options) - ACTIONS - OF_OTHERS == set()


def test_every_variable_exists(guide: str, options: dict[str, Option]) -> None:
    named = set(re.findall(r"MOODSTREAM_[A-Z_]+", guide))
    assert named - {option.variable for option in options.values()} == set()


def test_every_metric_exists(guide: str) -> None:
    named = set(re.findall(r"moodstream_[a-z_]+", guide))
    assert named - {definition.full_name for definition in (*DEFINITIONS, *KAFKA_DEFINITIONS)} == set()


def test_the_defaults_are_those_of_the_code(guide: str, options: dict[str, Option]) -> None:
    table = guide.partition("## Tuning")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", table, re.MULTILINE)
    assert len(rows) > 10
    for flags, told in rows:
        names = re.findall(r"`(--[a-z-]+)`", flags)
        values = [value.removesuffix(" s") for value in told.split(", ")]
        for name, value in zip(names, values, strict=True):
            default = options[name].default
            shown = "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
            assert value == shown, name


def test_every_reason_of_a_dead_letter_is_told() -> None:
    table = (DOCS / "dead-letters.md").read_text().partition("## The reasons")[2]
    told = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    assert set(DEAD_LETTER_REASONS) - told == set()
