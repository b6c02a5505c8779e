"""A scrape's text: what prometheus_client would write, without what nobody asks for, and bounded."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from stream.metrics.exposition import StreamGauge, encoder_for
from stream.metrics.metrics import KafkaMetrics, Metrics
from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS
from tests.stream.sinks import records
from tests.stream.sinks.measured import chunk

MOODS = ("happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful")
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.floats() | st.sampled_from([0.0, 1.0, -120.0, 1_764_000_000.25, math.inf, -math.inf, math.nan])


@given(st.dictionaries(st.tuples(names, names), values, max_size=12))
def test_the_series_of_streams_are_written_as_the_library_writes_them(series: dict[tuple[str, str], float]):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    gauge = StreamGauge("a_gauge", "What it\nmeasures.", ("stream", "mood"))
    ours.register(gauge)
    library = Gauge("a_gauge", "What it\nmeasures.", ("stream", "mood"), registry=theirs)
    by_stream: dict[str, dict[str, float]] = {}
    for (stream, mood), value in series.items():
        by_stream.setdefault(stream, {})[mood] = value
    for stream, moods in by_stream.items():
        for mood, value in moods.items():
            gauge.set(value, stream, mood)
            library.labels(stream, mood).set(value)
    assert encoder_for("text/plain").encode(ours) == generate_latest(theirs) == generate_latest(ours)
    assert encoder_for("application/openmetrics-text").encode(ours) == openmetrics_of(theirs)
    for stream in by_stream:
        gauge.forget(stream)
    assert "{" not in encoder_for("text/plain").encode(ours).decode()


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text", ""])
def test_when_a_counter_was_made_is_no_series(accept: str):
    registry = CollectorRegistry()
    Counter("a_counter", "Counts.", ("kind",), registry=registry).labels("one").inc()
    Histogram("a_histogram", "Measures.", registry=registry).observe(1)
    assert b"_created" in generate_latest(registry)
    text = encoder_for(accept).encode(registry)
    assert b"_created" not in text
    assert b'a_counter_total{kind="one"} 1.0' in text
    assert b"a_histogram_count 1.0" in text

    metrics = Metrics()
    KafkaMetrics(metrics.registry)
    metrics.audio(chunk('song "1"\n'))
    metrics.emit(records.estimate(stream='song "1"\n'))
    text = encoder_for("application/openmetrics-text; version=1.0.0").encode(metrics.registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["moodstream_mood_probability"].samples[0].labels["stream"] == 'song "1"\n'
    assert families["moodstream_windows"].type == "counter"


@pytest.mark.parametrize("bound", [0, 3, 50])
def test_a_scrape_is_as_long_for_a_thousand_streams_as_for_those_with_a_label(bound: int):
    """Whatever is fed, series are: those of the process, and of each label the gauges times its moods."""
    metrics = Metrics(max_stream_labels=bound)
    KafkaMetrics(metrics.registry)
    metrics.model(records.MODEL)
    alone = series(metrics)
    for number in range(1000):
        metrics.audio(chunk(f"stream-{number}", 1))
        metrics.emit(records.estimate(stream=f"stream-{number}"))
        for mood in records.LABELS:
            metrics.emit(records.event(stream=f"stream-{number}", mood=mood))
    gauges = [one for one in DEFINITIONS + KAFKA_DEFINITIONS if "stream" in one.labels]
    a_label = sum(len(records.LABELS) if "mood" in one.labels else 1 for one in gauges)
    assert series(metrics) == alone + (bound + 1) * a_label


@pytest.mark.parametrize(("labels", "most_bytes"), [(50, 400_000), (1000, 7_000_000)])
def test_a_scrape_of_a_thousand_streams_with_the_longest_names_has_a_size(labels: int, most_bytes: int):
    """That it is also quick is measured: `python -m tests.stream.web.bench_scrape`."""
    metrics = Metrics(max_stream_labels=labels)
    KafkaMetrics(metrics.registry)
    for number in range(1000):
        name = f"{number} {'x' * 1000}"
        moods = {mood: (number * 7 + place * 31) % 1000 / 999 for place, mood in enumerate(MOODS)}
        metrics.audio(chunk(name, 1))
        metrics.emit(records.estimate(stream=name, mood=moods, running=moods))
        for mood in MOODS:
            metrics.emit(records.event(stream=name, mood=mood))
    text = encoder_for("text/plain").encode(metrics.registry)
    assert series(metrics) > 32 * labels
    assert len(text) < most_bytes
    assert max(len(line) for line in text.splitlines() if b"stream=" in line) < 256


def series(metrics: Metrics) -> int:
    text = encoder_for("text/plain").encode(metrics.registry).decode()
    return len(re.findall(r"^moodstream_", text, re.MULTILINE))
