"""The dashboard *Taggers*: how the processes do that score the sound.

TAGGERS.to_json()                       # `python -m docker.grafana.build` writes it
"""

from __future__ import annotations

from docker.grafana import kafka_rows, model_rows, tagger_rows, variables
from docker.grafana.annotation import Annotation
from docker.grafana.page import Page
from docker.grafana.panels import RED

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
    variables=[variables.datasource(), variables.job(), variables.instance(), variables.stream()],
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
