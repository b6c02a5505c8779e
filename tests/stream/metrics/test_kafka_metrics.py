"""Metrics of the Kafka side: what each call counts, and that both kinds live in one registry."""

from __future__ import annotations

import threading

import pytest
from prometheus_client import generate_latest

from stream.metrics.metrics import DEAD_LETTER_REASONS, KafkaMetrics, Metrics
from stream.metrics.table import DEFINITIONS, KAFKA_DEFINITIONS
from tests.promtool import check_metrics
from tests.stream.sinks import records
from tests.stream.sinks.measured import Clock, value

CONTRACT = {
    "moodstream_kafka_records_total": ("counter", ("result",)),
    "moodstream_kafka_skipped_records_total": ("counter", ("reason",)),
    "moodstream_dead_letters_total": ("counter", ("reason",)),
    "moodstream_kafka_rebalances_total": ("counter", ()),
    "moodstream_kafka_consumer_lag": ("gauge", ("topic", "partition")),
    "moodstream_kafka_transactions_total": ("counter", ("outcome",)),
    "moodstream_kafka_transaction_duration_seconds": ("histogram", ()),
    "moodstream_kafka_restore_duration_seconds": ("histogram", ()),
    "moodstream_kafka_last_heartbeat_timestamp_seconds": ("gauge", ()),
    "moodstream_kafka_streams_alive": ("gauge", ()),
    "moodstream_kafka_partitions_assigned": ("gauge", ()),
}


def lively() -> Metrics:
    """Metrics in which every series has a value."""
    metrics = Metrics()
    kafka = KafkaMetrics(metrics.registry)
    kafka.lag("audio.chunks", 0, 3)
    kafka.transaction("committed", 0.012)
    kafka.restore(0.4)
    return metrics


def test_every_metric_of_the_contract_is_exposed_with_its_type_and_labels():
    types, labels = {}, {}
    for family in lively().registry.collect():
        for sample in family.samples:
            name = sample.name.removesuffix("_bucket")
            types[name], labels[name] = family.type, set(sample.labels) - {"le"}
    assert {name: (types[name], labels[name]) for name in CONTRACT} == {
        name: (kind, set(names)) for name, (kind, names) in CONTRACT.items()
    }
    assert {one.full_name for one in KAFKA_DEFINITIONS} == set(CONTRACT)


def test_what_can_be_alerted_on_is_there_before_anything_happens():
    metrics = Metrics()
    KafkaMetrics(metrics.registry)
    for result in ("ok", "duplicate", "stale", "dead_letter", "replayed"):
        assert value(metrics, "kafka_records_total", result=result) == 0
    for outcome in ("committed", "aborted"):
        assert value(metrics, "kafka_transactions_total", outcome=outcome) == 0
    for reason in ("retention", "corruption"):
        assert value(metrics, "kafka_skipped_records_total", reason=reason) == 0
    for reason in DEAD_LETTER_REASONS:
        assert value(metrics, "dead_letters_total", reason=reason) == 0
    for name in ("rebalances_total", "streams_alive", "partitions_assigned", "restore_duration_seconds_count"):
        assert value(metrics, f"kafka_{name}") == 0


def test_each_call_counts_what_it_says():
    metrics = Metrics()
    kafka = KafkaMetrics(metrics.registry)
    kafka.records("ok", 12)
    kafka.records("stale")
    kafka.dead_letter("missing_header")
    kafka.dead_letter("a_reason_of_next_year")
    kafka.skipped("retention", 400)
    kafka.rebalance()
    kafka.transaction("committed", 0.012)
    kafka.transaction("aborted", 7.0)
    kafka.restore(0.4)
    kafka.heartbeat(1_000.5)
    kafka.streams_alive(40)
    kafka.partitions_assigned(3)
    assert value(metrics, "kafka_records_total", result="ok") == 12
    assert value(metrics, "kafka_records_total", result="stale") == 1
    assert value(metrics, "dead_letters_total", reason="missing_header") == 1
    assert value(metrics, "dead_letters_total", reason="a_reason_of_next_year") == 1
    assert value(metrics, "kafka_skipped_records_total", reason="retention") == 400
    assert value(metrics, "kafka_rebalances_total") == 1
    assert value(metrics, "kafka_transactions_total", outcome="committed") == 1
    assert value(metrics, "kafka_transactions_total", outcome="aborted") == 1
    assert value(metrics, "kafka_transaction_duration_seconds_bucket", le="0.01") == 0
    assert value(metrics, "kafka_transaction_duration_seconds_bucket", le="0.025") == 1
    assert value(metrics, "kafka_transaction_duration_seconds_count") == 2
    assert value(metrics, "kafka_restore_duration_seconds_sum") == pytest.approx(0.4)
    assert value(metrics, "kafka_last_heartbeat_timestamp_seconds") == 1_000.5
    assert value(metrics, "kafka_streams_alive") == 40
    assert value(metrics, "kafka_partitions_assigned") == 3


def test_a_partition_that_went_to_another_leaves_no_lag_behind():
    metrics = Metrics()
    kafka = KafkaMetrics(metrics.registry)
    kafka.lag("audio.chunks", 0, 3)
    kafka.lag("audio.chunks", 1, 5)
    kafka.forget_partition("audio.chunks", 0)
    kafka.forget_partition("audio.chunks", 7)  # never reported
    assert value(metrics, "kafka_consumer_lag", topic="audio.chunks", partition="0") is None
    assert value(metrics, "kafka_consumer_lag", topic="audio.chunks", partition="1") == 5


def test_latency_lasts_until_the_transaction_is_committed():
    clock = Clock()
    metrics = Metrics(clock=clock)
    KafkaMetrics(metrics.registry)
    estimate = records.estimate(captured_at=clock.now - 0.5)
    clock.now += 100.0  # scored, and committed much later: a record is emitted after that
    metrics.emit(estimate)
    assert value(metrics, "emission_latency_seconds_sum") == pytest.approx(100.5)
    assert value(metrics, "emission_latency_seconds_bucket", le="120.0") == 1
    assert value(metrics, "emission_latency_seconds_bucket", le="60.0") == 0


def test_one_registry_takes_them_once():
    metrics = Metrics()
    KafkaMetrics(metrics.registry)
    with pytest.raises(ValueError, match="Duplicated"):
        KafkaMetrics(metrics.registry)


def test_threads_lose_no_count():
    metrics = Metrics()
    kafka = KafkaMetrics(metrics.registry)

    def work() -> None:
        for _ in range(500):
            kafka.records("ok", 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "kafka_records_total", result="ok") == 4000


def test_promtool_finds_nothing_wrong():
    check_metrics(generate_latest(lively().registry))


def test_no_name_is_given_twice():
    names = [one.full_name for one in DEFINITIONS + KAFKA_DEFINITIONS]
    assert len(names) == len(set(names))
