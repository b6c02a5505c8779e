"""Marks on the dashboards are where they belong: their queries over made-up series, computed by promtool."""

from __future__ import annotations

from pathlib import Path

import yaml

from docker.grafana.mood_rows import BEGAN
from docker.grafana.targets import fill
from tests.promtool import promtool

ACTIVE = 'moodstream_mood_active{{job="moodstream", instance="{}", stream="{}", mood="happy"}}'


def test_a_mood_begins_once_and_not_again_where_another_tagger_takes_its_stream_over(tmp_path: Path) -> None:
    expr = fill(BEGAN, {"stream": [".+"], "mood": [".+"]}, step_seconds=60, range_seconds=3600, scrape_seconds=15)

    def marked(at: str, *streams: str) -> dict[str, object]:
        samples = [{"labels": f'{{stream="{stream}", mood="happy"}}', "value": 1} for stream in streams]
        return {"expr": f"{expr} > bool 0", "eval_time": at, "exp_samples": samples}

    series = {
        # Begins in minute 2, moves a minute after tagger a is gone, ends in minute 8, begins again in minute 9.
        ("a", "kitchen"): "0x7 1x11 stale",
        ("b", "kitchen"): "_x24 1x7 0x3 1x10",
        # Is there for the first time in minute 6, on a tagger that has known it for long.
        ("b", "studio"): "_x24 1x20",
    }
    checks = [
        marked("1m30s"),
        marked("2m15s", "kitchen"),
        marked("4m"),
        marked("6m15s", "studio"),
        marked("8m15s"),
        marked("9m15s", "kitchen"),
        marked("11m"),
    ]
    content = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": ACTIVE.format(*names), "values": values} for names, values in series.items()
                ],
                "promql_expr_test": checks,
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(content))
    promtool("test", "rules", tmp_path / "test.yml")
