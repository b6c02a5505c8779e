"""The streams of the metrics: series that go when their stream has ended, and labels that stay few whatever is fed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.metrics.exposition import encoder_for
from stream.metrics.metrics import Metrics
from stream.tagging.audio import SourceStatus, StatusKind
from stream.tagging.record import ModelId
from tests.stream.sinks import records
from tests.stream.sinks.measured import Clock, chunk, label_values, value


def test_series_of_a_stream_that_ended_go_after_a_while():
    clock = Clock()
    metrics = Metrics(idle_seconds=60, clock=clock)
    for name in ("a.mp3", "mic"):
        metrics.audio(chunk(name))
        metrics.emit(records.estimate(stream=name))
    metrics.stream_ended("a.mp3")
    assert value(metrics, "source_up", stream="a.mp3") is None  # neither up nor down: it has no source any more
    clock.now += 59
    metrics.sweep()
    assert label_values(metrics) == {"a.mp3", "mic"}
    clock.now += 1
    metrics.sweep()
    assert label_values(metrics) == {"mic"}


def test_a_stream_that_comes_again_in_time_keeps_its_series():
    clock = Clock()
    metrics = Metrics(idle_seconds=60, clock=clock)
    metrics.audio(chunk())
    metrics.stream_ended("mic")
    clock.now += 30
    metrics.audio(chunk())
    assert value(metrics, "source_up", stream="mic") == 1
    clock.now += 600
    metrics.sweep()
    assert label_values(metrics) == {"mic"}


@pytest.mark.parametrize("kind", ["up", "down", "overflow", "warning"])
@pytest.mark.parametrize("bound", [0, 1])
def test_a_stream_that_never_had_sound_goes_as_others_do(kind: StatusKind, bound: int):
    clock = Clock()
    metrics = Metrics(max_stream_labels=bound, idle_seconds=60, clock=clock)
    metrics.status(SourceStatus("mic", kind, "no sound yet"))
    (label,) = label_values(metrics)
    assert value(metrics, "source_up", stream=label) == (kind != "down")
    metrics.stream_ended("mic")
    assert value(metrics, "source_up", stream=label) is None
    clock.now += 60
    metrics.sweep()
    assert label_values(metrics) == set()
    metrics.stream_ended("mic")
    metrics.stream_ended("never heard of")
    assert label_values(metrics) == set()


def test_streams_beyond_the_bound_share_other_until_a_label_is_free():
    clock = Clock()
    metrics = Metrics(max_stream_labels=1, idle_seconds=60, clock=clock)
    for name in ("a", "b", "c"):
        metrics.audio(chunk(name))
    assert label_values(metrics) == {"a", "other"}
    metrics.status(SourceStatus("b", "down", "gone"))
    metrics.audio(chunk("c"))
    assert value(metrics, "source_up", stream="other") == 0
    metrics.stream_ended("b")
    assert value(metrics, "source_up", stream="other") == 1
    metrics.stream_ended("c")
    assert label_values(metrics) == {"a"}
    metrics.stream_ended("a")
    clock.now += 60
    metrics.audio(chunk("d"))
    assert label_values(metrics) == {"d"}


@given(
    bound=st.integers(0, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["audio", "emit", "down", "ended", "wait"]), st.sampled_from("abcdefgh")), max_size=60
    ),
)
def test_labels_are_bounded_whatever_comes(bound: int, steps: list[tuple[str, str]]):
    clock = Clock()
    metrics = Metrics(max_stream_labels=bound, idle_seconds=2, clock=clock)
    for step, name in steps:
        match step:
            case "audio":
                metrics.audio(chunk(name, 1))
            case "emit":
                metrics.emit(records.estimate(stream=name))
            case "down":
                metrics.status(SourceStatus(name, "down", "gone"))
            case "ended":
                metrics.stream_ended(name)
            case "wait":
                clock.now += 1
        assert len(label_values(metrics) - {"other"}) <= bound
    for name in "abcdefgh":
        metrics.stream_ended(name)
    clock.now += 2
    metrics.sweep()
    assert label_values(metrics) == set()


@pytest.mark.parametrize("name", records.HOSTILE)
def test_any_name_can_be_scraped(name: str):
    metrics = Metrics()
    metrics.model(ModelId(name, name, name))
    metrics.emit(records.estimate(stream=name, mood={name: 0.5}))
    text = encoder_for("text/plain").encode(metrics.registry).decode()
    samples = [line for line in text.split("\n") if not line.startswith("#")]
    assert all(line == "" or line.startswith(("moodstream_", "process_")) for line in samples)
    assert max(len(one) for one in label_values(metrics)) <= 128
