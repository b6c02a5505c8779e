"""Metrics and screens of swapped and shadow models."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import pytest
from rich.console import Console

from stream.metrics.exposition import encoder_for
from stream.metrics.metrics import Metrics, ModelMetrics, ShadowMetrics
from stream.metrics.table import MODEL_DEFINITIONS, SHADOW_DEFINITIONS
from stream.models.models import Models
from stream.settings.listen import Settings
from stream.sinks.screen import ScreenSink
from stream.tagging.record import ModelId
from tests import models
from tests.promtool import check_metrics
from tests.stream.sinks import records
from tests.stream.sinks.measured import chunk, label_values, value

SHADOW = ModelId("shadow", "2", "cd" * 32)
OTHERS = {"bright": 0.7, "dark": 0.2}


def test_swaps_are_counted_from_zero_and_the_last_one_is_dated() -> None:
    metrics = Metrics()
    swaps = ModelMetrics(metrics.registry)
    assert (
        value(metrics, "model_swaps_total", result="taken")
        == value(metrics, "model_swaps_total", result="refused")
        == 0
    )
    before = value(metrics, "model_taken_timestamp_seconds")
    assert before is not None
    swaps.model_refused()
    assert value(metrics, "model_taken_timestamp_seconds") == before
    swaps.model_swapped()
    after = value(metrics, "model_taken_timestamp_seconds")
    assert after is not None and after > before
    assert (
        value(metrics, "model_swaps_total", result="taken")
        == value(metrics, "model_swaps_total", result="refused")
        == 1
    )


def test_what_lies_in_the_models_place_is_not_known_before_somebody_looks() -> None:
    metrics = Metrics()
    swaps = ModelMetrics(metrics.registry)

    def seen() -> list[float | None]:
        return [value(metrics, f"model_file_{each}") for each in ("present", "refused")]

    assert [math.isnan(each or 0.0) for each in seen()] == [True, True]
    for present, refused in ((True, False), (True, True), (False, False)):
        swaps.model_file(present=present, refused=refused)
        assert seen() == [present, refused]


def test_neither_a_scrape_nor_a_new_stream_asks_the_disk_for_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hang: the file is on a volume."""
    path = models.save(tmp_path / "m.onnx")
    metrics = Metrics()
    Models(Settings(mic=True, model=path), lambda: False).observe([metrics])
    stat = os.stat

    def hangs(what: object, *arguments: object, **more: object) -> os.stat_result:
        assert str(path) != str(what)
        return stat(what, *arguments, **more)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(os, "stat", hangs)
    metrics.audio(chunk())
    metrics.sweep()
    assert b'moodstream_source_up{stream="mic"} 1' in encoder_for("").encode(metrics.registry)


def test_a_shadow_is_measured_by_mood_leader_and_cost() -> None:
    metrics = Metrics()
    shadow = ShadowMetrics(metrics.registry, SHADOW)
    shadow.shadow_scored({"happy": 0.25, "sad": 0.0}, True, 0.004)
    shadow.shadow_scored({"happy": 0.5, "sad": 0.0}, False, 0.006)
    shadow.shadow_scored({}, None, 0.005)
    shadow.shadow_failed()
    shadow.shadow_skipped()
    assert value(metrics, "shadow_mood_difference_sum", mood="happy") == 0.75
    assert value(metrics, "shadow_mood_difference_count", mood="happy") == 2
    assert value(metrics, "shadow_mood_difference_sum", mood="sad") == 0.0
    assert [value(metrics, "shadow_leading_moods_total", agreement=each) for each in ("same", "different")] == [1, 1]
    counts = [value(metrics, "shadow_windows_total", result=each) for each in ("scored", "failed", "skipped")]
    assert counts == [3, 1, 1]
    assert value(metrics, "shadow_inference_duration_seconds_sum") == pytest.approx(0.015)
    assert value(metrics, "shadow_model_info", name="shadow", version="2", sha256="cd" * 32) == 1


def test_all_of_them_keep_the_rules_of_prometheus() -> None:
    metrics = Metrics()
    metrics.model(records.MODEL)
    ModelMetrics(metrics.registry)
    ShadowMetrics(metrics.registry, SHADOW).shadow_scored({"happy": 0.25}, True, 0.004)
    text = encoder_for("").encode(metrics.registry)
    for one in MODEL_DEFINITIONS + SHADOW_DEFINITIONS:
        assert one.full_name.encode() in text
    check_metrics(text)


def test_moods_that_the_new_model_does_not_know_are_no_series_any_more() -> None:
    metrics = Metrics()
    metrics.emit(records.estimate(stream="mic"))
    metrics.emit(records.estimate(stream="radio"))
    metrics.emit(records.event(stream="mic"))
    metrics.emit(records.estimate(stream="mic", mood=OTHERS, running=OTHERS, windows=1))
    assert value(metrics, "mood_probability", stream="mic", mood="happy") is None
    assert value(metrics, "mood_active", stream="mic", mood="happy") is None
    assert value(metrics, "mood_probability", stream="mic", mood="bright") == 0.7
    assert value(metrics, "mood_probability", stream="radio", mood="happy") == 0.55
    assert label_values(metrics, "mood") == {"bright", "dark", "happy", "sad", "calm"}


def test_a_screen_shows_the_moods_of_the_model_that_scores() -> None:
    out = io.StringIO()
    sink = ScreenSink(records.LABELS, console=Console(file=out, force_terminal=True, width=80, height=30))
    sink.emit(records.estimate(stream="radio"))
    sink.emit(records.estimate(stream="mic"))
    out.seek(out.truncate(0))
    sink.emit(records.final(stream="mic", running=OTHERS, windows=1))
    sink.emit(records.estimate(stream="mic", mood=OTHERS, running=OTHERS, windows=1))
    sink.emit(records.final(stream="mic", running=OTHERS, windows=1))
    assert "bright" in out.getvalue() and "dark" in out.getvalue()
    sink.close()
