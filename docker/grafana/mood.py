"""The dashboard *Moods*: what the music is like, over all streams and of each.

MOOD.to_json()                          # `python -m docker.grafana.build` writes it
"""

from __future__ import annotations

from docker.grafana import mood_rows, mood_sound_rows, variables
from docker.grafana.annotation import Annotation
from docker.grafana.page import Page
from docker.grafana.panels import BLUE

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
    variables=[variables.datasource(), variables.stream(), variables.mood(), variables.measure()],
    annotations=[_BEGAN],
    rows=[
        mood_rows.now(),
        mood_rows.course(),
        mood_sound_rows.sound(),
        mood_rows.hours(),
        mood_rows.each_stream(),
    ],
)
