"""Prometheus metrics of sound, windows and moods; those of Kafka are in `stream/kafka/metrics.py`.

    metrics = Metrics(max_stream_labels=50)
    metrics.model(model_id)                 # once
    metrics.audio(chunk)                    # what the source yields
    metrics.status(source_status)
    metrics.emit(record)                    # what the session returns, once it is out: this is a sink, the last of them
    metrics.stream_ended("mic")
    generate_latest(metrics.registry)

What each metric means stands in `stream/sinks/metric_table.py`; `stream/sinks/metrics_text.py` writes them. Imported
with the HTTP side only (prometheus_client).

At most ``max_stream_labels`` streams have a ``stream`` label of their own; the rest share ``other``. A stream keeps
its label until ``idle_seconds`` after its end and none is taken from it earlier, so that ten thousand short files do
not make ten thousand series. What it said last stays as long; only whether its source is up goes at once, for it has
none any more.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector

from stream.common.text import utf8
from stream.sinks.instruments import Instruments
from stream.sinks.metric_table import DEFINITIONS
from stream.tagging.audio import AudioChunk, SourceStatus, StatusKind
from stream.tagging.record import SILENCE_DBFS, Estimate, Event, Final, ModelId, Record, power_of

OTHER = "other"
_LONGEST_LABEL = 128
_MILLISECOND = 0.001

_DROP_REASONS: dict[StatusKind, str] = {
    "overflow": "overflow",
    "down": "outage",
    "up": "outage",
    "warning": "damage",
}


@dataclasses.dataclass(slots=True)
class _Stream:
    label: str
    up: bool = True
    heard: bool = False
    moods: tuple[str, ...] | None = None
    ended_at: float | None = None


class Metrics:
    """Keeps the metrics in a registry of its own. Safe to call from several threads."""

    def __init__(
        self,
        max_stream_labels: int = 50,
        min_rms_dbfs: float = -60.0,
        idle_seconds: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bound the labels.

        Args:
            max_stream_labels: streams with a label of their own; 0 folds all of them into ``other``.
            min_rms_dbfs: sound below this level, in dB re full scale, is silence.
            idle_seconds: how long the series of a stream stay after its end.
            clock: returns seconds since the epoch.
        """
        self.registry = CollectorRegistry()
        self._max_labels = max_stream_labels
        self._min_power = power_of(min_rms_dbfs)
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.RLock()
        self._streams: dict[str, _Stream] = {}
        instruments = Instruments(DEFINITIONS, self.registry)
        self._counters = instruments.counters
        self._gauges = instruments.gauges
        self._histograms = instruments.histograms
        self._of_streams = instruments.streams
        self._info = instruments.infos["model"]
        for reason in _DROP_REASONS.values():  # a rate needs the zero before the first event
            self._counters["audio_dropped_seconds"].labels(reason)
        for status in ("ok", "silence", "gap"):
            self._counters["windows"].labels(status)
        for outcome in ("ok", "silence", "gap", "error"):
            self._counters["tracks"].labels(outcome)
        self._gauges["realtime_factor"].set(math.nan)  # not known yet, and no reason for an alert
        instruments.infos["build"].info({"version": _version()})
        ProcessCollector(registry=self.registry)

    def audio(self, chunk: AudioChunk) -> None:
        """Count a chunk of sound that a source yielded."""
        with self._lock:
            label = self._label(chunk.stream)
            when = chunk.captured_at or self._clock()
            self._counters["audio_samples"].inc(len(chunk.samples))
            self._of_streams["queue_depth"].set(chunk.queued, label)
            self._of_streams["last_audio_timestamp_seconds"].set(when, label)
            # A stream that is silent from its beginning is so since its beginning.
            if not self._streams[chunk.stream].heard or self._is_loud(chunk):
                self._streams[chunk.stream].heard = True
                self._of_streams["last_sound_timestamp_seconds"].set(when, label)

    def status(self, item: SourceStatus) -> None:
        """Count news of a source."""
        with self._lock:
            self._label(item.stream)
            stream = self._streams[item.stream]
            if item.kind == "overflow":
                self._counters["audio_overflows"].inc()
            if item.lost_seconds > 0:
                self._counters["audio_dropped_seconds"].labels(_DROP_REASONS[item.kind]).inc(item.lost_seconds)
            if item.kind == "up" and not stream.up:
                self._counters["source_restarts"].inc()
            if item.kind in ("up", "down"):
                stream.up = item.kind == "up"
                self._show_up(stream.label)

    def emit(self, record: Record) -> None:
        """Take the numbers of a record."""
        with self._lock:
            match record:
                case Estimate():
                    self._estimate(record)
                case Event():
                    active = record.phase == "began"
                    self._of_streams["mood_active"].set(active, self._label(record.stream), utf8(record.mood))
                case Final():
                    outcome = record.status if record.error is None else "error"
                    self._counters["tracks"].labels(outcome).inc()

    def model(self, info: ModelId) -> None:
        """Say which model scores."""
        self._info.info({name: utf8(value) for name, value in info.to_json().items()})

    def realtime_factor(self, factor: float) -> None:
        """Say how many seconds of sound a second of work scores."""
        self._gauges["realtime_factor"].set(factor)

    def stream_ended(self, stream: str) -> None:
        """Let the series of this stream go, ``idle_seconds`` from now."""
        with self._lock:
            ended = self._streams.get(stream)
            if ended is None:
                return
            ended.ended_at = self._clock()
            if ended.label == OTHER:
                del self._streams[stream]
                self._forget_label_if_unused(OTHER)
            else:
                self._show_up(ended.label)
            self.sweep()

    def sweep(self) -> None:
        """Remove the series of streams that ended long ago; called before each scrape."""
        with self._lock:
            self._gauges["streams"].set(sum(stream.ended_at is None for stream in self._streams.values()))
            oldest = self._clock() - self._idle_seconds
            for name, stream in list(self._streams.items()):
                if stream.ended_at is not None and stream.ended_at <= oldest:
                    del self._streams[name]
                    self._forget_label_if_unused(stream.label)

    def close(self) -> None:
        """Do nothing: the last numbers stay readable."""

    def _estimate(self, record: Estimate) -> None:
        label = self._label(record.stream)
        self._counters["windows"].labels(record.status).inc()
        if record.feature_ms is not None:
            self._histograms["feature_duration_seconds"].observe(record.feature_ms * _MILLISECOND)
        if record.inference_ms is not None:
            self._histograms["inference_duration_seconds"].observe(record.inference_ms * _MILLISECOND)
        if record.captured_at is not None:
            latency = self._clock() - record.captured_at
            self._histograms["emission_latency_seconds"].observe(max(0.0, latency))
        if record.rms_dbfs is not None:
            self._of_streams["audio_rms_dbfs"].set(max(SILENCE_DBFS, record.rms_dbfs), label)
        self._know_moods(record, label)
        for name, moods in (("mood_probability", record.running), ("mood_window_probability", record.mood)):
            if moods is None:  # nothing is known now: no number is better than an old one
                self._of_streams[name].forget(label)
            for mood, probability in (moods or {}).items():
                self._of_streams[name].set(probability, label, utf8(mood))

    def _know_moods(self, record: Estimate, label: str) -> None:
        """Let the series of moods go that the model which scores now does not know: a swap of models."""
        if record.running is None:
            return
        stream, moods = self._streams[record.stream], tuple(record.running)
        if stream.moods not in (None, moods):
            for name in ("mood_probability", "mood_window_probability", "mood_active"):
                self._of_streams[name].forget(label)
        stream.moods = moods

    def _label(self, name: str) -> str:
        """Return the label of a stream that is alive, giving it one if it is new."""
        stream = self._streams.get(name)
        if stream is None:
            self.sweep()
            label = utf8(name)[:_LONGEST_LABEL] or OTHER
            taken = {known.label for known in self._streams.values()} - {OTHER}
            if label not in taken and len(taken) >= self._max_labels:
                label = OTHER
            stream = self._streams[name] = _Stream(label)
            self._show_up(label)
        elif stream.ended_at is not None:
            stream.ended_at, stream.up = None, True
            self._show_up(stream.label)
        return stream.label

    def _is_loud(self, chunk: AudioChunk) -> bool:
        return chunk.samples.size > 0 and float(np.mean(np.square(chunk.samples))) >= self._min_power

    def _show_up(self, label: str) -> None:
        """Say whether the sources of this label are up; one that ended is neither up nor down."""
        sources = [stream.up for stream in self._streams.values() if stream.label == label and stream.ended_at is None]
        if sources:
            self._of_streams["source_up"].set(all(sources), label)
        else:
            self._of_streams["source_up"].forget(label)

    def _forget_label_if_unused(self, label: str) -> None:
        if any(stream.label == label for stream in self._streams.values()):
            self._show_up(label)
            return
        for gauge in self._of_streams.values():
            gauge.forget(label)


def _version() -> str:
    try:
        return version("moodstream")
    except PackageNotFoundError:  # run from a folder, not installed
        return "unknown"
