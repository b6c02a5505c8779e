"""Prometheus metrics of sound, windows and moods, of models, and of Kafka.

    metrics = Metrics(max_stream_labels=100)
    metrics.audio(chunk)                    # an Observer: the engine calls these
    metrics.emit(record)                    # once it is out: this is the last of the sinks
    metrics.stream_ended("mic")

    kafka = KafkaMetrics(metrics.registry)
    kafka.transaction("committed", seconds=0.012)

What each metric means stands in `stream/metrics/table.py`; `exposition.py` writes them. Emission latency is measured
when a record is emitted, so on Kafka emit it after its transaction is committed. Imported with the HTTP side only.

At most ``max_stream_labels`` streams have a ``stream`` label of their own; the rest share ``other``. A stream keeps
its label until ``idle_seconds`` after its end, so that ten thousand short files do not make ten thousand series.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, get_args

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector

from stream.common.text import utf8
from stream.metrics.exposition import Instruments
from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS, MODEL_DEFINITIONS, SHADOW_DEFINITIONS
from stream.tagging.audio import AudioChunk, SourceStatus, StatusKind
from stream.tagging.observer import Observer
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


class Metrics(Observer):
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


class ModelMetrics(Observer):
    """Counts the swaps of the model that scores, and knows its file. Safe to call from several threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create the metrics, beginning at 0; the model that is there now counts as taken now, not as swapped.

        Raises:
            ValueError: the registry has them already.
        """
        instruments = Instruments(MODEL_DEFINITIONS, registry)
        self._swaps = instruments.counters["model_swaps"]
        self._since = instruments.gauges["model_taken_timestamp_seconds"]
        self._present = instruments.gauges["model_file_present"]
        self._refused = instruments.gauges["model_file_refused"]
        self._present.set(math.nan)  # nobody has looked yet
        self._refused.set(math.nan)
        for result in ("taken", "refused"):  # a rate needs the zero before the first
            self._swaps.labels(result)
        self._since.set(time.time())

    def model_swapped(self) -> None:
        """Count a new model that scores from now on."""
        self._swaps.labels("taken").inc()
        self._since.set(time.time())

    def model_refused(self) -> None:
        """Count a new file that was no use."""
        self._swaps.labels("refused").inc()

    def model_file(self, *, present: bool, refused: bool) -> None:
        """Say whether the model's file is there, and whether what is there was refused."""
        self._present.set(present)
        self._refused.set(refused)


class ShadowMetrics(Observer):
    """Says how a shadow model does. Safe to call from several threads."""

    def __init__(self, registry: CollectorRegistry, shadow: ModelId) -> None:
        """Create the metrics, the counters beginning at 0.

        Raises:
            ValueError: the registry has them already.
        """
        instruments = Instruments(SHADOW_DEFINITIONS, registry)
        self._windows = instruments.counters["shadow_windows"]
        self._leading = instruments.counters["shadow_leading_moods"]
        self._difference = instruments.histograms["shadow_mood_difference"]
        self._duration = instruments.histograms["shadow_inference_duration_seconds"]
        instruments.infos["shadow_model"].info({name: utf8(value) for name, value in shadow.to_json().items()})
        for result in ("scored", "failed", "skipped"):
            self._windows.labels(result)
        for agreement in ("same", "different"):
            self._leading.labels(agreement)

    def shadow_scored(self, differences: Mapping[str, float], same_leader: bool | None, seconds: float) -> None:
        """Take a window that both models scored, and the time that the shadow's network took."""
        self._windows.labels("scored").inc()
        self._duration.observe(seconds)
        for mood, difference in differences.items():
            self._difference.labels(utf8(mood)).observe(difference)
        if same_leader is not None:
            self._leading.labels("same" if same_leader else "different").inc()

    def shadow_failed(self) -> None:
        """Count a window on which the shadow failed."""
        self._windows.labels("failed").inc()

    def shadow_skipped(self) -> None:
        """Count a window that the shadow was too slow for."""
        self._windows.labels("skipped").inc()


Result = Literal["ok", "duplicate", "stale", "dead_letter", "replayed"]
Outcome = Literal["committed", "aborted"]
SkipReason = Literal["retention", "corruption"]

DEAD_LETTER_REASONS = (
    "no_key",
    "bad_key",
    "no_value",
    "missing_header",
    "bad_header",
    "content_type",
    "wrong_length",
    "undecodable",
    "samplerate",
    "channels",
    "oversized",
    "sequence",
    "sample",
    "format_changed",
    "not_scored",
    "too_many_streams",
    "corrupt",
    "unexpected",
)
"""The reasons known beforehand; a new one is counted as well, but has no zero before its first."""


class KafkaMetrics:
    """Counts what the tagger does. Safe to call from several threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create the metrics; series whose labels are known begin at 0, for a rate needs the zero before the first.

        Raises:
            ValueError: the registry has them already.
        """
        instruments = Instruments(KAFKA_DEFINITIONS, registry)
        self._counters = instruments.counters
        self._gauges = instruments.gauges
        self._histograms = instruments.histograms
        self._gauges["kafka_last_heartbeat_timestamp_seconds"].set(math.nan)  # not in the group yet
        for name, values in (
            ("kafka_records", get_args(Result)),
            ("kafka_skipped_records", get_args(SkipReason)),
            ("kafka_transactions", get_args(Outcome)),
            ("dead_letters", DEAD_LETTER_REASONS),
        ):
            for value in values:
                self._counters[name].labels(value)

    def records(self, result: Result, count: int = 1) -> None:
        """Count input records by what became of them."""
        self._counters["kafka_records"].labels(result).inc(count)

    def dead_letter(self, reason: str) -> None:
        """Count a record among the dead letters; ``reason`` is one of few (a `ChunkError`'s), never free text."""
        self._counters["dead_letters"].labels(reason).inc()

    def skipped(self, reason: SkipReason, count: int = 1) -> None:
        """Count offsets that were passed over unread."""
        self._counters["kafka_skipped_records"].labels(reason).inc(count)

    def rebalance(self) -> None:
        """Count a rebalance that gave or took partitions."""
        self._counters["kafka_rebalances"].inc()

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Say how many records of a partition are waiting."""
        self._gauges["kafka_consumer_lag"].labels(topic, str(partition)).set(records)

    def forget_partition(self, topic: str, partition: int) -> None:
        """Let the series of a partition go: it is another's now, and a sum over the group would count it twice."""
        self._gauges["kafka_consumer_lag"].remove_by_labels({"topic": topic, "partition": str(partition)})

    def transaction(self, outcome: Outcome, seconds: float) -> None:
        """Count a transaction that took so long."""
        self._counters["kafka_transactions"].labels(outcome).inc()
        self._histograms["kafka_transaction_duration_seconds"].observe(seconds)

    def restore(self, seconds: float) -> None:
        """Count the restoring of a partition that took so long."""
        self._histograms["kafka_restore_duration_seconds"].observe(seconds)

    def heartbeat(self, when: float) -> None:
        """Say when the group was last told that we are there, in seconds since the epoch."""
        self._gauges["kafka_last_heartbeat_timestamp_seconds"].set(when)

    def streams_alive(self, count: int) -> None:
        """Say how many streams are held in memory."""
        self._gauges["kafka_streams_alive"].set(count)

    def partitions_assigned(self, count: int) -> None:
        """Say how many input partitions this process has."""
        self._gauges["kafka_partitions_assigned"].set(count)
