"""Metrics: what each call counts, and labels that stay few whatever is fed."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, generate_latest

from stream.audio import AudioChunk, SourceStatus
from stream.record import ModelId
from stream.sinks.metric_table import DEFINITIONS, table
from stream.sinks.metrics import Metrics
from tests.stream.sinks import records

CONTRACT = {
    "moodstream_audio_samples_total": ("counter", ()),
    "moodstream_audio_overflows_total": ("counter", ()),
    "moodstream_audio_dropped_seconds_total": ("counter", ("reason",)),
    "moodstream_source_restarts_total": ("counter", ()),
    "moodstream_windows_total": ("counter", ("status",)),
    "moodstream_feature_duration_seconds": ("histogram", ()),
    "moodstream_inference_duration_seconds": ("histogram", ()),
    "moodstream_emission_latency_seconds": ("histogram", ()),
    "moodstream_mood_probability": ("gauge", ("stream", "mood")),
    "moodstream_mood_window_probability": ("gauge", ("stream", "mood")),
    "moodstream_audio_rms_dbfs": ("gauge", ("stream",)),
    "moodstream_last_audio_timestamp_seconds": ("gauge", ("stream",)),
    "moodstream_source_up": ("gauge", ("stream",)),
    "moodstream_realtime_factor": ("gauge", ()),
    "moodstream_queue_depth": ("gauge", ("stream",)),
    "moodstream_model_info": ("gauge", ("name", "version", "sha256")),
}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def chunk(stream: str = "mic", samples: int = 1600, **fields) -> AudioChunk:
    return AudioChunk(stream, np.zeros((samples, 2), np.float32), 16_000, 0, **fields)


def value(metrics: Metrics, metric: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"moodstream_{metric}", labels)


def label_values(metrics: Metrics, label: str = "stream") -> set[str]:
    return {
        sample.labels[label]
        for family in metrics.registry.collect()
        for sample in family.samples
        if label in sample.labels
    }


def lively() -> Metrics:
    """Metrics in which every series has a value."""
    metrics = Metrics()
    metrics.model(records.MODEL)
    metrics.realtime_factor(90.0)
    metrics.audio(chunk())
    metrics.emit(records.estimate(feature_ms=1.5, captured_at=1.0))
    return metrics


def test_every_metric_of_the_contract_is_exposed_with_its_type_and_labels():
    types, labels = {}, {}
    for family in lively().registry.collect():
        for sample in family.samples:
            name = sample.name.removesuffix("_bucket")
            types[name] = "gauge" if family.type == "info" else family.type
            labels[name] = set(sample.labels) - {"le"}
    assert {name: (types[name], labels[name]) for name in CONTRACT} == {
        name: (kind, set(names)) for name, (kind, names) in CONTRACT.items()
    }


def test_the_table_documents_every_metric():
    assert {one.full_name for one in DEFINITIONS} == set(CONTRACT)
    rows = table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [one.full_name for one in DEFINITIONS]
    assert all(one.help.endswith(".") for one in DEFINITIONS)


def test_counters_and_statuses_are_there_before_anything_happens():
    metrics = Metrics()
    for status in ("ok", "silence", "gap"):
        assert value(metrics, "windows_total", status=status) == 0
    for reason in ("overflow", "outage", "damage"):
        assert value(metrics, "audio_dropped_seconds_total", reason=reason) == 0
    assert value(metrics, "source_restarts_total") == 0


def test_sound_is_counted_per_sample_and_not_per_channel():
    clock = Clock()
    metrics = Metrics(clock=clock)
    metrics.audio(chunk(samples=100, queued=3))
    metrics.audio(chunk(samples=20, queued=1, captured_at=990.0))
    assert value(metrics, "audio_samples_total") == 120
    assert value(metrics, "queue_depth", stream="mic") == 1
    assert value(metrics, "last_audio_timestamp_seconds", stream="mic") == 990.0
    metrics.audio(chunk("song.mp3"))
    assert value(metrics, "last_audio_timestamp_seconds", stream="song.mp3") == clock.now


def test_an_estimate_is_measured():
    clock = Clock()
    metrics = Metrics(clock=clock)
    metrics.emit(records.estimate(feature_ms=2.0, inference_ms=4.0, captured_at=clock.now - 0.25))
    assert value(metrics, "windows_total", status="ok") == 1
    assert value(metrics, "feature_duration_seconds_sum") == pytest.approx(0.002)
    assert value(metrics, "inference_duration_seconds_sum") == pytest.approx(0.004)
    assert value(metrics, "emission_latency_seconds_sum") == pytest.approx(0.25)
    assert value(metrics, "emission_latency_seconds_bucket", le="0.25") == 1
    assert value(metrics, "emission_latency_seconds_bucket", le="0.1") == 0
    assert value(metrics, "mood_probability", stream="mic", mood="happy") == 0.55
    assert value(metrics, "mood_window_probability", stream="mic", mood="happy") == 0.61
    assert value(metrics, "audio_rms_dbfs", stream="mic") == -23.1


def test_silence_has_a_level_and_no_window_probability():
    metrics = Metrics()
    metrics.emit(records.estimate())
    metrics.emit(records.estimate(status="silence", mood=None, rms_dbfs=-math.inf, inference_ms=None))
    assert value(metrics, "windows_total", status="silence") == 1
    assert value(metrics, "audio_rms_dbfs", stream="mic") == -120
    assert value(metrics, "mood_window_probability", stream="mic", mood="happy") is None
    assert value(metrics, "mood_probability", stream="mic", mood="happy") == 0.55


def test_a_file_has_no_latency():
    metrics = Metrics()
    metrics.emit(records.estimate(captured_at=None, feature_ms=None, inference_ms=None))
    for name in ("emission_latency", "feature_duration", "inference_duration"):
        assert value(metrics, f"{name}_seconds_count") == 0


def test_a_source_that_goes_and_comes_back():
    metrics = Metrics()
    metrics.status(SourceStatus("mic", "up", "opened"))
    assert value(metrics, "source_up", stream="mic") == 1
    metrics.status(SourceStatus("mic", "down", "unplugged"))
    assert value(metrics, "source_up", stream="mic") == 0
    metrics.status(SourceStatus("mic", "up", "back", lost_seconds=4.5))
    metrics.status(SourceStatus("mic", "overflow", "too slow", lost_seconds=0.5))
    assert value(metrics, "source_up", stream="mic") == 1
    assert value(metrics, "source_restarts_total") == 1
    assert value(metrics, "audio_overflows_total") == 1
    assert value(metrics, "audio_dropped_seconds_total", reason="outage") == 4.5
    assert value(metrics, "audio_dropped_seconds_total", reason="overflow") == 0.5


def test_the_speed_is_no_number_until_it_is_known():
    metrics = Metrics()
    assert math.isnan(value(metrics, "realtime_factor") or 0.0)
    metrics.realtime_factor(57.0)
    assert value(metrics, "realtime_factor") == 57.0


def test_a_new_model_takes_the_place_of_the_old_one():
    metrics = Metrics()
    metrics.model(records.MODEL)
    metrics.model(ModelId("other", "2", "cd"))
    assert value(metrics, "model_info", name="other", version="2", sha256="cd") == 1
    assert label_values(metrics, "sha256") == {"cd"}


def test_series_of_a_stream_that_ended_go_after_a_while():
    clock = Clock()
    metrics = Metrics(idle_seconds=60, clock=clock)
    for name in ("a.mp3", "mic"):
        metrics.audio(chunk(name))
        metrics.emit(records.estimate(stream=name))
    metrics.stream_ended("a.mp3")
    assert value(metrics, "source_up", stream="a.mp3") == 0
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
    samples = [line for line in generate_latest(metrics.registry).decode().split("\n") if not line.startswith("#")]
    assert all(line == "" or line.startswith(("moodstream_", "process_")) for line in samples)
    assert max(len(one) for one in label_values(metrics)) <= 128


def test_threads_lose_no_count():
    metrics = Metrics(max_stream_labels=2)

    def work(name: str) -> None:
        for _ in range(300):
            metrics.audio(chunk(name, 1))
            metrics.emit(records.estimate(stream=name))
        metrics.stream_ended(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "audio_samples_total") == 1200
    assert value(metrics, "windows_total", status="ok") == 1200


def test_two_side_by_side_and_nothing_in_the_global_registry():
    first, second = Metrics(), Metrics()
    first.audio(chunk(samples=7))
    assert value(second, "audio_samples_total") == 0
    assert REGISTRY.get_sample_value("moodstream_audio_samples_total") is None


def test_promtool_finds_nothing_wrong():
    promtool = shutil.which("promtool")
    if promtool is None:
        assert os.environ.get("CI") != "true", "promtool (Debian: prometheus) belongs to the tests' real parts"
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    scrape = generate_latest(lively().registry)
    checked = subprocess.run([promtool, "check", "metrics"], check=False, input=scrape, capture_output=True)
    assert checked.returncode == 0, checked.stderr.decode()
    assert checked.stdout + checked.stderr == b""
