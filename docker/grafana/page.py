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
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    RowPanel,
    VariableModel,
)
from grafana_foundation_sdk.models.dashboard import Panel as GrafanaPanel

from docker.grafana.annotation import Annotation
from docker.grafana.panels import Panel

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
