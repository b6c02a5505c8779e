"""Marks on a dashboard's panels at the times that a query has a value.

    Annotation("Moods that begin", expr, colour="blue", title="{{mood}}", panels=("Moods over time",)).build(ids)

The SDK knows what the annotations of all data sources have. What those of Prometheus have beside it is added here: the
labels (`titleFormat`, `tagKeys`), and the query as a `target`, where Grafana looks for it since 12, beside `expr`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationPanelFilter, AnnotationQuery

from docker.grafana.panels import DATASOURCE


@dataclasses.dataclass(frozen=True, slots=True)
class Annotation:
    """Marks of one kind.

    Attributes:
        name: what the switch at the top of the page is called.
        expr: PromQL; each moment with a value other than 0 is marked, moments that follow each other as one.
        colour: of the mark.
        title: what a mark says; ``{{label}}`` stands for a label.
        tags: labels that are shown below it.
        panels: titles of the panels that show the marks; empty for all.
    """

    name: str
    expr: str
    colour: str
    title: str
    tags: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()

    def build(self, ids: Mapping[str, int]) -> Builder[AnnotationQuery]:
        """Return it for the SDK; ``ids`` are the panels' numbers by their titles.

        Raises:
            KeyError: there is no panel of such a title.
        """
        query = {"expr": self.expr, "refId": "Anno"}
        model = _OfPrometheus({"titleFormat": self.title, "tagKeys": ",".join(self.tags), "target": query})
        model.name, model.datasource, model.expr = self.name, DATASOURCE, self.expr
        model.icon_color, model.enable = self.colour, True
        if self.panels:
            model.filter_val = AnnotationPanelFilter(exclude=False, ids=[ids[title] for title in self.panels])
        return _Built(model)


class _Built(Builder[AnnotationQuery]):
    def __init__(self, model: AnnotationQuery) -> None:
        self._model = model

    def build(self) -> AnnotationQuery:
        return self._model


class _OfPrometheus(AnnotationQuery):
    def __init__(self, more: Mapping[str, object]) -> None:
        super().__init__()
        self._more = more

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self._more}
