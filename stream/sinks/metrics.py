"""Prometheus metrics of sound, windows and moods; those of Kafka are in `stream/kafka/metrics.py`.

    metrics = Metrics(max_stream_labels=50)
    metrics.model(model_id)                 # once
    metrics.audio(chunk)                    # what the source yields
    metrics.status(source_status)
    metrics.emit(record)                    # what the session returns, once it is out: this is a sink, the last of them
    metrics.stream_ended("mic")
    generate_latest(metrics.registry)

What each metric means stands in `stream/sinks/metric_table.py`. Imported with the HTTP side only (prometheus_client).

At most ``max_stream_labels`` streams have a ``stream`` label of their own; the rest share ``other``. A stream keeps
its label until ``idle_seconds`` after its end and none is taken from it earlier, so that ten thousand short files do
not make ten thousand series.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector

from stream.audio import AudioChunk, SourceStatus, StatusKind
from stream.record import SILENCE_DBFS, Estimate, ModelId, Record
from stream.sinks.instruments import Instruments
from stream.sinks.metric_table import DEFINITIONS
from stream.sinks.text import utf8

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
    ended_at: float | None = None


class Metrics:
    """Keeps the metrics in a registry of its own. Safe to call from several threads."""

    def __init__(
        self,
        max_stream_labels: int = 50,
        idle_seconds: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bound the labels.

        Args:
            max_stream_labels: streams with a label of their own; 0 folds all of them into ``other``.
            idle_seconds: how long the series of a stream stay after its end.
            clock: returns seconds since the epoch.
        """
        self.registry = CollectorRegistry()
        self._max_labels = max_stream_labels
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.RLock()
        self._streams: dict[str, _Stream] = {}
        instruments = Instruments(DEFINITIONS, self.registry)
        self._counters = instruments.counters
        self._gauges = instruments.gauges
        self._histograms = instruments.histograms
        self._info = instruments.infos["model"]
        for reason in _DROP_REASONS.values():  # a rate needs the zero before the first event
            self._counters["audio_dropped_seconds"].labels(reason)
        for status in ("ok", "silence", "gap"):
            self._counters["windows"].labels(status)
        self._gauges["realtime_factor"].set(math.nan)  # not known yet, and no reason for an alert
        ProcessCollector(registry=self.registry)

    def audio(self, chunk: AudioChunk) -> None:
        """Count a chunk of sound that a source yielded."""
        with self._lock:
            label = self._label(chunk.stream)
            self._counters["audio_samples"].inc(len(chunk.samples))
            self._gauges["queue_depth"].labels(label).set(chunk.queued)
            self._gauges["last_audio_timestamp_seconds"].labels(label).set(chunk.captured_at or self._clock())

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
        """Take the numbers of an estimate; other records carry none."""
        if isinstance(record, Estimate):
            with self._lock:
                self._estimate(record)

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
                ended.up = False
                self._show_up(ended.label)
            self.sweep()

    def sweep(self) -> None:
        """Remove the series of streams that ended long ago; called before each scrape."""
        with self._lock:
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
            self._gauges["audio_rms_dbfs"].labels(label).set(max(SILENCE_DBFS, record.rms_dbfs))
        for name, moods in (("mood_probability", record.running), ("mood_window_probability", record.mood)):
            if moods is None:  # nothing is known now: no number is better than an old one
                self._gauges[name].remove_by_labels({"stream": label})
            for mood, probability in (moods or {}).items():
                self._gauges[name].labels(label, utf8(mood)).set(probability)

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

    def _show_up(self, label: str) -> None:
        up = all(stream.up for stream in self._streams.values() if stream.label == label)
        self._gauges["source_up"].labels(label).set(up)

    def _forget_label_if_unused(self, label: str) -> None:
        if any(stream.label == label for stream in self._streams.values()):
            self._show_up(label)
            return
        for definition in DEFINITIONS:
            if "stream" in definition.labels:
                self._gauges[definition.name].remove_by_labels({"stream": label})
