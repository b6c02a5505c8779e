"""Prometheus metrics of the Kafka side, in the same registry as those of sound and moods.

    metrics = Metrics()
    kafka_metrics = KafkaMetrics(metrics.registry)
    kafka_metrics.records("ok", 12)
    kafka_metrics.dead_letter("missing_header")
    kafka_metrics.transaction("committed", seconds=0.012)
    kafka_metrics.lag("audio.chunks", 3, 250)
    kafka_metrics.forget_partition("audio.chunks", 3)

What each means stands in `stream/sinks/metric_table.py`. Emission latency is `Metrics`' own: it is measured when a
record is emitted, so emit it after its transaction is committed. Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

import math
from typing import Literal, get_args

from prometheus_client import CollectorRegistry

from stream.sinks.instruments import Instruments
from stream.sinks.metric_table import KAFKA_DEFINITIONS

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
