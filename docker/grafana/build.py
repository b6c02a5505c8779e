"""Writes the dashboards' JSON, which Grafana reads at its start.

    python -m docker.grafana.build                  # into docker/grafana/dashboards/
    python -m docker.grafana.build FOLDER

Needs Grafana's SDK (extra `dev`). Change the panels in `mood_rows.py`, `tagger_rows.py` and so on, run this, and commit
both; a test holds them together.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docker.grafana import kafka_rows, model_rows, mood_rows, page, tagger_rows
from docker.grafana.annotation import Annotation
from docker.grafana.page import Page
from docker.grafana.panels import BLUE, RED

_BEGAN = Annotation(
    "Moods that begin",
    mood_rows.BEGAN,
    colour=BLUE,
    title="{{stream}}: {{mood}} begins",
    tags=("stream", "mood"),
    panels=(mood_rows.MOODS_OVER_TIME,),  # on the panel of one stream those of the others would be wrong
)

MOOD = Page(
    title="Moodstream: moods",
    uid="moodstream-mood",
    description="The moods of the streams, now and over time.",
    refresh="10s",
    variables=[page.datasource(), page.stream(), page.mood(), page.measure()],
    annotations=[_BEGAN],
    rows=[
        mood_rows.now(),
        mood_rows.course(),
        mood_rows.sound(),
        mood_rows.hours(),
        mood_rows.each_stream(),
    ],
)


_ALERTS = Annotation(
    "Alerts that fire",
    tagger_rows.FIRING,
    colour=RED,
    title="{{alertname}}",
    tags=("instance", "stream"),
)

TAGGERS = Page(
    title="Moodstream: taggers",
    uid="moodstream-tagger",
    description="Whether the taggers are well: throughput, latency, Kafka, losses, models, resources.",
    refresh="30s",
    variables=[page.datasource(), page.job(), page.instance(), page.stream()],
    annotations=[_ALERTS],
    rows=[
        tagger_rows.health(),
        tagger_rows.throughput(),
        tagger_rows.latency(),
        tagger_rows.losses(),
        kafka_rows.group(),
        kafka_rows.transactions(),
        model_rows.models(),
        model_rows.shadow(),
        tagger_rows.resources(),
    ],
)


FOLDER = Path(__file__).parent / "dashboards"
PAGES = {"mood.json": MOOD, "tagger.json": TAGGERS}


def write(folder: Path) -> list[Path]:
    """Write all dashboards into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, dashboard in PAGES.items():
        path = folder / name
        path.write_text(dashboard.to_json(), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for each in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        sys.stdout.write(f"{each}\n")
