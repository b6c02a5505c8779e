"""Metrics: what each call counts."""

from __future__ import annotations

import math
import threading

import pytest
from prometheus_client import REGISTRY

from docs.generate import metrics as metrics_page
from stream.metrics.exposition import encoder_for
from stream.metrics.metrics import Metrics
from stream.metrics.table import ALL_DEFINITIONS, DEFINITIONS
from stream.tagging.audio import SourceStatus
from stream.tagging.record import ModelId
from tests.promtool import check_metrics
from tests.stream.sinks import records
from tests.stream.sinks.measured import Clock, chunk, label_values, loud, value

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
    "moodstream_tracks_total": ("counter", ("outcome",)),
    "moodstream_mood_active": ("gauge", ("stream", "mood")),
    "moodstream_last_sound_timestamp_seconds": ("gauge", ("stream",)),
    "moodstream_streams": ("gauge", ()),
    "moodstream_build_info": ("gauge", ("version",)),
    "moodstream_model_info": ("gauge", ("name", "version", "sha256")),
}


def lively() -> Metrics:
    """Metrics in which every series has a value."""
    metrics = Metrics()
    metrics.model(records.MODEL)
    metrics.realtime_factor(90.0)
    metrics.audio(chunk())
    metrics.emit(records.estimate(feature_ms=1.5, captured_at=1.0))
    metrics.emit(records.event())
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
    rows = [line for line in metrics_page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [one.full_name for one in ALL_DEFINITIONS]
    assert all(one.help.endswith(".") for one in ALL_DEFINITIONS)


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
    check_metrics(encoder_for("text/plain").encode(lively().registry))


def test_tracks_are_counted_by_how_they_ended():
    metrics = Metrics()
    metrics.emit(records.final())
    metrics.emit(records.final(status="gap"))
    metrics.emit(records.final(error="truncated"))
    counts = {outcome: value(metrics, "tracks_total", outcome=outcome) for outcome in ("ok", "gap", "silence", "error")}
    assert counts == {"ok": 1, "gap": 1, "silence": 0, "error": 1}


def test_a_mood_is_active_from_its_beginning_to_its_end():
    metrics = Metrics()
    assert value(metrics, "mood_active", stream="mic", mood="happy") is None
    metrics.emit(records.event(phase="began"))
    assert value(metrics, "mood_active", stream="mic", mood="happy") == 1
    metrics.emit(records.event(phase="ended"))
    assert value(metrics, "mood_active", stream="mic", mood="happy") == 0


def test_silence_is_measured_from_the_last_sound_above_the_level():
    clock = Clock()
    metrics = Metrics(min_rms_dbfs=-40.0, clock=clock)
    metrics.audio(chunk())
    assert value(metrics, "last_sound_timestamp_seconds", stream="mic") == 1_000
    for seconds, amplitude in ((1_010.0, 0.02), (1_020.0, 0.005), (1_030.0, 0.0)):  # -34, -46 dBFS, nothing
        clock.now = seconds
        metrics.audio(loud(amplitude))
    assert value(metrics, "last_sound_timestamp_seconds", stream="mic") == 1_010
    assert value(metrics, "last_audio_timestamp_seconds", stream="mic") == 1_030


def test_streams_are_counted_with_those_that_have_no_label():
    metrics = Metrics(max_stream_labels=1)
    for name in ("a", "b", "c"):
        metrics.audio(chunk(name))
    metrics.sweep()
    assert value(metrics, "streams") == 3
    metrics.stream_ended("a")
    assert value(metrics, "streams") == 2
