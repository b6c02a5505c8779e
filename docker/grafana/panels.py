"""What the panels of both dashboards share: the data source, kinds of queries, kinds of panels, colours.

    timeseries("Level", "How loud it is.", "suffix: dBFS", over_time("moodstream_audio_rms_dbfs", "{{stream}}"))
    stat("Lag", "Records that wait.", "short", now("sum(moodstream_kafka_consumer_lag)")).thresholds(limits((1e4, RED)))

Every helper returns a builder of Grafana's SDK, so what is special about a panel is chained on. A panel's description
says in a sentence or two what it shows and what to do; its unit is Grafana's name of one. Widths are in 24ths of the
page, heights in Grafana's rows of 30 pixels.
"""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, prometheus, statetimeline, table
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import stat as big_number
from grafana_foundation_sdk.builders import timeseries as lines
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, YELLOW, RED, GREY, BLUE = "green", "yellow", "red", "#7f8fa6", "blue"


class Panel(Protocol):
    """What all builders of panels have in common; the SDK has no such type."""

    def build(self) -> dashboard.Panel: ...  # noqa: D102
    def id(self, id_val: int) -> Self: ...  # noqa: D102
    def title(self, title: str) -> Self: ...  # noqa: D102
    def description(self, description: str) -> Self: ...  # noqa: D102
    def unit(self, unit: str) -> Self: ...  # noqa: D102
    def span(self, w: int) -> Self: ...  # noqa: D102
    def height(self, h: int) -> Self: ...  # noqa: D102
    def datasource(self, datasource: dashboard.DataSourceRef) -> Self: ...  # noqa: D102
    def color_scheme(self, color: Builder[dashboard.FieldColor]) -> Self: ...  # noqa: D102
    def no_value(self, no_value: str) -> Self: ...  # noqa: D102
    def with_target(self, target: prometheus.Dataquery) -> Self: ...  # noqa: D102
    def override_by_name(self, name: str, properties: list[dashboard.DynamicConfigValue]) -> Self: ...  # noqa: D102


_P = TypeVar("_P", bound=Panel)


def over_time(expr: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query of a course over the page's time."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range()


def now(expr: str, legend: str = "") -> prometheus.Dataquery:
    """Return a query of the last moment of the page's time."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()


def rows_over_time(expr: str) -> prometheus.Dataquery:
    """Return a query of a course as a table: a row a moment and series, a column a label."""
    return over_time(expr).format(PromQueryFormat.TABLE)


def rows_now(expr: str) -> prometheus.Dataquery:
    """Return a query of the last moment as a table: a row a series, a column a label."""
    return now(expr).format(PromQueryFormat.TABLE)


def described(panel: _P, title: str, description: str, unit: str, *queries: prometheus.Dataquery) -> _P:
    """Give a panel of any kind what each must have; its queries are A, B, C and so on."""
    panel.title(title).description(description).unit(unit).datasource(DATASOURCE)
    for number, query in enumerate(queries):
        panel.with_target(query.ref_id(chr(ord("A") + number)).datasource(DATASOURCE))
    return panel


def timeseries(
    title: str, description: str, unit: str, *queries: prometheus.Dataquery, width: int = 8, height: int = 8
) -> lines.Panel:
    """Return lines over time, with the legend below; a gap in the data is a gap in the line."""
    panel = described(lines.Panel(), title, description, unit, *queries).span(width).height(height)
    panel.color_scheme(by_name()).line_width(1.5).fill_opacity(8).show_points(common.VisibilityMode.NEVER)
    panel.tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    return panel.legend(legend())


def bars(
    title: str, description: str, unit: str, *queries: prometheus.Dataquery, width: int = 8, height: int = 8
) -> lines.Panel:
    """Return stacked bars over time, at most one a minute: narrower ones would count a rate's interval twice."""
    panel = timeseries(title, description, unit, *queries, width=width, height=height).interval("1m")
    return panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0).stacking(stacked("normal"))


def stat(
    title: str, description: str, unit: str, *queries: prometheus.Dataquery, width: int = 3, height: int = 4
) -> big_number.Panel:
    """Return one big number, coloured by thresholds."""
    panel = described(big_number.Panel(), title, description, unit, *queries).span(width).height(height)
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)
    return panel.color_scheme(by_threshold()).thresholds(limits()).reduce_options(last())


def gauges(
    title: str, description: str, unit: str, *queries: prometheus.Dataquery, width: int = 8, height: int = 9
) -> bargauge.Panel:
    """Return a horizontal bar a series."""
    panel = described(bargauge.Panel(), title, description, unit, *queries).span(width).height(height)
    panel.display_mode(common.BarGaugeDisplayMode.BASIC).orientation(common.VizOrientation.HORIZONTAL)
    return panel.color_scheme(by_name()).reduce_options(last())


def states(
    title: str, description: str, *queries: prometheus.Dataquery, width: int = 24, height: int = 8
) -> statetimeline.Panel:
    """Return a band a series, coloured by what its value means."""
    panel = described(statetimeline.Panel(), title, description, "string", *queries).span(width).height(height)
    panel.merge_values(True).show_value(common.VisibilityMode.AUTO).row_height(0.85).fill_opacity(85).line_width(0)
    return panel.color_scheme(by_name()).legend(options.VizLegendOptions().show_legend(False))


def cells(
    title: str, description: str, unit: str, *queries: prometheus.Dataquery, width: int = 12, height: int = 8
) -> table.Panel:
    """Return a table; its default unit is that of the columns without one of their own."""
    panel = described(table.Panel(), title, description, unit, *queries).span(width).height(height)
    return panel.cell_height(common.TableCellHeight.SM).show_header(True)


def heat(title: str, description: str, unit: str, buckets: str, *, width: int = 12, height: int = 9) -> heatmap.Panel:
    """Return a heat map of a histogram's buckets: time to the right, the measure (in this unit) upwards."""
    query = over_time(buckets, "{{le}}").format(PromQueryFormat.HEATMAP)
    panel = described(heatmap.Panel(), title, description, "short", query).span(width).height(height)
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    panel.calculate(False).color(colours).y_axis(heatmap.YAxisConfig().unit(unit)).cell_gap(1)
    return panel.filter_values(heatmap.FilterValueRange().le(1e-9)).hide_y_histogram().show_legend()


def limits(*above: tuple[float, str], base: str = GREEN) -> ThresholdsConfig:
    """Return thresholds: the colour ``base`` below all of them, then each colour from its value on."""
    steps = [dashboard.Threshold(value=None, color=base)]
    steps += [dashboard.Threshold(value=value, color=colour) for value, colour in above]
    return ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def dashed() -> options.GraphThresholdsStyleConfig:
    """Return the style that draws thresholds as lines."""
    return options.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)


def logarithmic() -> options.ScaleDistributionConfig:
    """Return a scale on which 0.01 and 10,000 both show."""
    return options.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10)


def stacked(mode: str) -> options.StackingConfig:
    """Return a way of stacking: ``normal``, or ``percent`` of the sum."""
    return options.StackingConfig().mode(common.StackingMode(mode)).group("A")


def legend() -> options.VizLegendOptions:
    """Return a list below."""
    shown = options.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
    return shown.placement(common.LegendPlacement.BOTTOM)


def last() -> options.ReduceDataOptions:
    """Return the reduction of a series to its last number."""
    return options.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def by_name() -> FieldColor:
    """Return colours that a name keeps from panel to panel."""
    return FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def by_threshold() -> FieldColor:
    """Return colours by thresholds."""
    return FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)


def coloured(panel: _P, colours: dict[str, str]) -> _P:
    """Give the series of these names these colours."""
    for name, colour in colours.items():
        value = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(name, [dashboard.DynamicConfigValue("color", value)])
    return panel


def transformation(name: str, **settings: object) -> dashboard.DataTransformerConfig:
    """Return a step between the answer and the picture, by Grafana's name of it."""
    return dashboard.DataTransformerConfig(id_val=name, options=settings)


def column(panel: table.Panel, name: str, **properties: object) -> table.Panel:
    """Set what is special about a table's column: ``unit``, ``mappings`` and so on."""
    return panel.override_by_name(name, [dashboard.DynamicConfigValue(key, value) for key, value in properties.items()])
