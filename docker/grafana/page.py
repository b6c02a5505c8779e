"""A dashboard out of rows of panels: numbers them and lays them out from left to right.

page = Page("Moods", "moodstream-mood", "...", refresh="5s", variables=[], annotations=[], rows=[Row("Now", [])])
page.to_json()                      # the text of the file that Grafana reads
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import cast

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders.dashboard import CustomVariable, DatasourceVariable, QueryVariable
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    RowPanel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.dashboard import Panel as GrafanaPanel

from docker.grafana.annotation import Annotation
from docker.grafana.panels import DATASOURCE, Panel

STREAM = 'stream=~"$stream"'
MOOD = 'mood=~"$mood"'
TAGGER = 'job=~"$job", instance=~"$instance"'


def datasource() -> DatasourceVariable:
    """Which Prometheus."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def stream() -> QueryVariable:
    """Which streams; those beyond --max-stream-labels are one, `other`."""
    return _several("stream", "Stream", "label_values(moodstream_last_audio_timestamp_seconds, stream)")


def mood() -> QueryVariable:
    """Which moods, of those that the chosen streams' models know."""
    return _several("mood", "Mood", f"label_values(moodstream_mood_probability{{{STREAM}}}, mood)")


def job() -> QueryVariable:
    """Which Prometheus jobs that scrape taggers."""
    return _several("job", "Job", "label_values(moodstream_windows_total, job)")


def instance() -> QueryVariable:
    """Which taggers of these jobs, by their address."""
    return _several("instance", "Tagger", 'label_values(moodstream_windows_total{job=~"$job"}, instance)')


def measure() -> CustomVariable:
    """Whether the average since the track began is shown, or the last window."""
    first = VariableOption(selected=True, text="Average of the track", value="mood_probability")
    second = VariableOption(selected=False, text="Last window", value="mood_window_probability")
    query = ", ".join(f"{one.text} : {one.value}" for one in (first, second))
    return CustomVariable("measure").label("Show").values(query).options([first, second]).current(first)


def _several(name: str, label: str, query: str) -> QueryVariable:
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    variable = QueryVariable(name).label(label).datasource(DATASOURCE).query(query)
    variable.multi(True).include_all(True).all_value(".+").current(every)
    # The streams that play now are not those of an hour ago: ask again when the page's time changes.
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


TAG = "moodstream"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading.

    Attributes:
        title: the heading.
        panels: from left to right; their widths make lines of 24.
        repeat: a variable: the row is shown once for each value that is chosen.
        folded: shown, and asked for, only when it is clicked on.
    """

    title: str
    panels: Sequence[Panel]
    repeat: str = ""
    folded: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A dashboard."""

    title: str
    uid: str
    description: str
    refresh: str
    variables: Sequence[Builder[VariableModel]]
    annotations: Sequence[Annotation]
    rows: Sequence[Row]

    def to_json(self) -> str:
        """Return the dashboard as Grafana's JSON."""
        made = grafana.Dashboard(self.title).uid(self.uid).description(self.description).tags([TAG])
        made.time("now-1h", "now").refresh(self.refresh).timezone("browser").editable()
        made.tooltip(DashboardCursorSync.CROSSHAIR)
        others = grafana.DashboardLink("Moodstream").type(DashboardLinkType.DASHBOARDS).tags([TAG])
        made.link(others.keep_time(True).icon("external link").tooltip("The other dashboards of moodstream"))
        made.variables(list(self.variables))
        numbers = itertools.count(1)
        for row in self.rows:
            made.with_row(_heading(row, numbers))
            if not row.folded:
                for panel in row.panels:
                    made.with_panel(_numbered(panel, numbers))
        ids = {panel.build().title or "": panel.build().id_val or 0 for row in self.rows for panel in row.panels}
        made.annotations([each.build(ids) for each in self.annotations])
        return json.dumps(made.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _heading(row: Row, numbers: Iterator[int]) -> Builder[RowPanel]:
    heading = grafana.Row(row.title).id(next(numbers))
    if row.repeat:
        heading.repeat(row.repeat)
    if row.folded:  # Grafana keeps the panels of a folded row within it
        for panel in row.panels:
            heading.with_panel(_numbered(panel, numbers))
    return heading


def _numbered(panel: Panel, numbers: Iterator[int]) -> Builder[GrafanaPanel]:
    return cast("Builder[GrafanaPanel]", panel.id(next(numbers)))  # the SDK's builders of panels share no other type
