"""What a reader of a dashboard may choose, and how a query says it.

    dashboard.with_variable(datasource()).with_variable(stream())
    f"moodstream_audio_rms_dbfs{{{STREAM}}}"            # only the streams that are chosen

All of them is the choice at first. `All` is sent as ``.+``, so a page of all streams asks a short question.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import CustomVariable, DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from docker.grafana.panels import DATASOURCE

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
