"""The rows of the dashboard *Mood*: moods now and over time, streams, and the sound they rest on.

Page(..., rows=[now(), course(), hours(), each_stream()])

A stream counts while its source is up: what is over is not mixed into what plays now. `$measure` is the average of the
track or the last window, whichever the reader chose.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import piechart, statetimeline, table, xychart
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.piechart import PieChartLabels, PieChartType
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from docker.grafana import panels
from docker.grafana.page import MOOD, STREAM, Row
from docker.grafana.panels import (
    GREEN,
    GREY,
    RED,
    YELLOW,
    coloured,
    over_time,
    rows_now,
    rows_over_time,
    transformation,
)
from stream.common.colours import MOOD_COLOURS


def sound() -> Row:
    """How loud it was, and how much of it could be scored."""
    level = panels.timeseries(
        "Level",
        "Level of each stream's last window. Below the line (--min-rms) it counts as silence: check the volume, or "
        "lower the limit.",
        "suffix: dBFS",
        over_time(f"max by (stream) (moodstream_audio_rms_dbfs{{{STREAM}}})", "{{stream}}"),
        width=10,
    )
    level.axis_soft_min(-80).max(0).thresholds(panels.limits((-60, GREY), base=GREY))
    level.thresholds_style(panels.dashed())
    coverage = panels.bars(
        "Coverage",
        "Windows of all taggers that were scored (ok), silent, or left out because sound was lost (gap). Gaps: see the "
        "dashboard of the taggers.",
        "short",
        over_time("sum by (status) (increase(moodstream_windows_total[$__rate_interval]))", "{{status}}"),
    )
    coverage.stacking(panels.stacked("percent"))
    scored = panels.stat(
        "Scored",
        "Share of the page's windows that could be scored. Low: see whether streams are silent or lose sound.",
        "percentunit",
        panels.now(
            'sum(increase(moodstream_windows_total{status="ok"}[$__range]))'
            " / sum(increase(moodstream_windows_total[$__range]))"
        ),
        height=8,
    )
    scored.thresholds(panels.limits((0.5, YELLOW), (0.9, GREEN), base=RED))
    heard = panels.stat(
        "Streams heard",
        "Chosen streams whose source is up now. Fewer than you expect: see the dashboard of the taggers.",
        "short",
        panels.now(f"count(moodstream_source_up{{{STREAM}}} == 1) or vector(0)"),
        height=8,
    )
    heard.thresholds(panels.limits((1, GREEN), base=RED))
    shown = coloured(coverage, {"ok": GREEN, "silence": GREY, "gap": RED})
    return Row("Sound", [level, shown, scored, heard])


_UP = "on (job, instance, stream) moodstream_source_up == 1"
_SHOWN = f"avg by (stream, mood) (moodstream_${{measure}}{{{STREAM}, {MOOD}}} and {_UP})"
_WINDOW = f"avg by (stream, mood) (moodstream_mood_window_probability{{{STREAM}, {MOOD}}} and {_UP})"
_LEADS = f"({_WINDOW} == bool on (stream) group_left () max by (stream) ({_WINDOW}))"
_ACTIVE = f"moodstream_mood_active{{{STREAM}, {MOOD}}}"

_ANYWHERE = "max by (job, stream, mood)"

BEGAN = (
    "max by (stream, mood) ("
    f"{_ANYWHERE} (changes({_ACTIVE}[$__interval]) - resets({_ACTIVE}[$__interval])) > 0"
    f" or ({_ANYWHERE} ({_ACTIVE}) == 1"
    f" unless {_ANYWHERE} (last_over_time({_ACTIVE}[5m] offset $__interval)) == 1))"
)
"""Moods that began within a step: they rose from 0 to 1, or are there for the first time.

A stream that another tagger takes over, within five minutes, has its moods there for the first time, and none begins.
"""

MOODS_OVER_TIME = "Moods over time"
_PROBABILITY = "percentunit"
_BRIDGED_MS = 600_000

# A table of all streams becomes a table a stream, in the order of time; renaming before that would name them apart.
_STREAM_BY_STREAM = (
    transformation("sortBy", fields={}, sort=[{"field": "Time"}]),
    transformation("partitionByValues", fields=["stream"], keepFields=False, naming={"asLabels": True}),
)
_NO_QUADRANTS = "No happy, angry, sad and calm"


def now() -> Row:
    """How it is at the end of the page's time."""
    bars = panels.gauges(
        "Moods now",
        "Probability of each mood, averaged over the chosen streams, the strongest first. Choose one stream to see it "
        "alone.",
        _PROBABILITY,
        panels.now(f"sort_desc(avg by (mood) ({_SHOWN}))", "{{mood}}"),
    )
    return Row("Now", [coloured(bars.min(0).max(1), MOOD_COLOURS), _plane(), _streams()])


def course() -> Row:
    """How it went over the page's time."""
    moods = panels.timeseries(
        MOODS_OVER_TIME,
        "Probability of each mood, averaged over the chosen streams. The row of each stream below shows them apart.",
        _PROBABILITY,
        over_time(f"avg by (mood) ({_SHOWN})", "{{mood}}"),
        width=16,
        height=9,
    )
    return Row("Over time", [coloured(moods.min(0).max(1), MOOD_COLOURS), _share(), _leading()])


def hours() -> Row:
    """How it went over the last day, from Prometheus's recording rules."""
    hour = f"stream_mood:moodstream_mood_window_probability:avg1h{{{STREAM}, {MOOD}}}"
    led = f"stream_mood:moodstream_mood_leads:avg1h{{{STREAM}, {MOOD}}}"
    moods = panels.timeseries(
        "Moods by hour",
        "Mean of all windows of each hour, over the last day. Empty: Prometheus lacks docker/prometheus/rules.",
        _PROBABILITY,
        over_time(f"avg by (mood) ({hour})", "{{mood}}"),
        width=12,
    )
    share = panels.bars(
        "Leading moods by hour",
        "Share of each hour's sounding time that a mood led, over the last day. Empty: Prometheus lacks "
        "docker/prometheus/rules.",
        _PROBABILITY,
        over_time(f"avg by (mood) ({led})", "{{mood}}"),
        width=12,
    )
    shown = [
        coloured(panel.min(0).max(1).interval("1h").time_from("24h"), MOOD_COLOURS)
        for panel in (moods, share.stacking(panels.stacked("percent")))
    ]
    return Row("By hour", shown)


def each_stream() -> Row:
    """The moods of each stream apart."""
    moods = panels.timeseries(
        "Moods of $stream",
        "Probability of each mood of this stream. A gap is a time in which nothing could be heard.",
        _PROBABILITY,
        over_time(_SHOWN, "{{mood}}"),
        width=14,
    )
    active = panels.states(
        "Moods that $stream has",
        "From each mood's beginning to its end, as --threshold and --threshold-off define them. Too many or too few: "
        "change those.",
        over_time(f"max by (mood) ({_ACTIVE})", "{{mood}}"),
        width=10,
    )
    meaning = {
        "0": dashboard.ValueMappingResult(text="no", color="transparent", index=0),
        "1": dashboard.ValueMappingResult(text="yes", color=panels.BLUE, index=1),
    }
    active.mappings([dashboard.ValueMap(options=meaning)]).unit("bool")
    return Row("$stream", [coloured(moods.min(0).max(1), MOOD_COLOURS), active], repeat="stream")


def _plane() -> xychart.Panel:
    panel = panels.described(
        xychart.Panel(),
        "Valence and arousal",
        "Where each stream was on Russell's plane over the last five minutes: to the right pleasant, upwards lively. "
        "Needs a model with the moods happy, angry, sad and calm.",
        "none",
        rows_over_time(_difference("happy|calm", "angry|sad")),
        rows_over_time(_difference("happy|angry", "calm|sad")),
    )
    panel.span(8).height(9).time_from("5m").no_value(_NO_QUADRANTS).decimals(2)
    panel.show(XYShowMode.POINTS_AND_LINES).point_size(xychart.XychartFieldConfigPointSize().fixed(5)).line_width(1)
    # Of the palettes this kind of panel knows only the classic one.
    classic = FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)
    panel.axis_soft_min(-1).axis_soft_max(1).color_scheme(classic).legend(panels.legend())
    panel.mapping(SeriesMapping.AUTO).series([_series("Value #A", "Value #B")])
    for name, label, shown in (
        ("Value #A", "valence", "valence"),
        ("Value #B", "arousal", "${__field.labels.stream}"),
    ):
        named = {"custom.axisLabel": label, "displayName": shown}
        panel.override_by_name(name, [dashboard.DynamicConfigValue(key, value) for key, value in named.items()])
    for step in (transformation("merge"), *_STREAM_BY_STREAM):
        panel.with_transformation(step)
    return panel


def _series(x: str, y: str) -> xychart.XYSeriesConfig:
    across = xychart.XychartXYSeriesConfigX().matcher(xychart.MatcherConfig().id("byName").options(x))
    upwards = xychart.XychartXYSeriesConfigY().matcher(xychart.MatcherConfig().id("byName").options(y))
    return xychart.XYSeriesConfig().x(across).y(upwards)


def _difference(plus: str, minus: str) -> str:
    """Return a query of an axis of the plane: the moods that are on its positive side less those on the other."""
    sides = [
        f'sum by (stream) (avg by (stream, mood) (moodstream_${{measure}}{{{STREAM}, mood=~"{side}"}} and {_UP}))'
        for side in (plus, minus)
    ]
    return " - ".join(sides)


def _streams() -> table.Panel:
    panel = panels.cells(
        "Streams",
        "Each stream that is heard now: its strongest mood, how loud it is, and how old its last sound is. Red age: "
        "see whether its source still plays.",
        "none",
        rows_now(f"topk by (stream) (1, {_SHOWN})"),
        rows_now(f"max by (stream) (moodstream_audio_rms_dbfs{{{STREAM}}} and {_UP})"),
        rows_now(f"min by (stream) (time() - moodstream_last_audio_timestamp_seconds{{{STREAM}}} and {_UP})"),
        width=8,
        height=9,
    )
    names = {"Value #A": "probability", "Value #B": "level", "Value #C": "age"}
    order = {name: place for place, name in enumerate(("stream", "mood", *names))}
    panel.with_transformation(transformation("merge"))
    panel.with_transformation(
        transformation("organize", excludeByName={"Time": True}, renameByName=names, indexByName=order)
    )
    panels.column(panel, "probability", unit=_PROBABILITY, decimals=0)
    panels.column(panel, "level", unit="suffix: dBFS", decimals=0)
    limits = panels.limits((10, panels.YELLOW), (60, panels.RED)).build()
    colour = {"custom.cellOptions": {"type": "color-text"}, "color": {"mode": "thresholds"}}
    return panels.column(panel, "age", unit="s", decimals=0, thresholds=limits, **colour)


def _share() -> piechart.Panel:
    panel = panels.described(
        piechart.Panel(),
        "Share of each leading mood",
        "Share of the page's sounding time that a mood was the strongest of its window, over the chosen streams.",
        _PROBABILITY,
        panels.now(f"avg by (mood) (avg_over_time({_LEADS}[$__range:$__interval]))", "{{mood}}"),
    )
    panel.span(8).height(9).pie_type(PieChartType.DONUT).display_labels([PieChartLabels.NAME, PieChartLabels.PERCENT])
    panel.legend(piechart.PieChartLegendOptions().show_legend(False)).color_scheme(panels.by_name())
    panel.reduce_options(panels.last()).tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
    return coloured(panel, MOOD_COLOURS)


def _leading() -> statetimeline.Panel:
    panel = panels.states(
        "Leading mood of each stream",
        "The strongest mood of each stream over time. A gap is more than ten minutes in which nothing could be heard.",
        rows_over_time(f"topk by (stream) (1, {_SHOWN})"),
    )
    hidden = {"Value": True, "Value #A": True}
    for step in (transformation("organize", excludeByName=hidden), *_STREAM_BY_STREAM):
        panel.with_transformation(step)
    # Not every Grafana knows the step of a table, by which it would know a gap; all fields must say the same.
    bridged = dashboard.DynamicConfigValue("custom.insertNulls", _BRIDGED_MS)
    name = dashboard.DynamicConfigValue("displayName", "${__field.labels.stream}")
    panel.override_by_field_type("time", [bridged]).override_by_field_type("string", [bridged, name])
    colours = {
        mood: dashboard.ValueMappingResult(color=colour, index=index)
        for index, (mood, colour) in enumerate(MOOD_COLOURS.items())
    }
    return panel.mappings([dashboard.ValueMap(options=colours)])
