"""One transaction a batch on a real broker: all of it or nothing, and faults 2 and 3."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.structs import ConsumerGroupMetadata, TopicPartition

from stream.kafka.client.transaction import FencedError, TransactionError, Write
from tests.stream.kafka import topic_io, transactions
from tests.stream.kafka.members import Join, poll_until
from tests.stream.kafka.topic_io import TopicNames
from tests.stream.kafka.transactions import Make


@pytest.fixture
def make(broker: Any, topics: TopicNames) -> Iterator[Make]:
    yield from transactions.makes(broker.bootstrap_servers, topics)


@pytest.fixture
def naive(broker: Any, topics: TopicNames) -> Iterator[Any]:
    """A producer as one would use it who does not know the faults."""
    producer = transactions.naive(broker.bootstrap_servers, topics)
    yield producer
    producer.close(timeout=5)


def _nothing(_: Any) -> dict[Any, Any]:
    return {}


def _stale(topics: TopicNames) -> ConsumerGroupMetadata:
    return ConsumerGroupMetadata(topics.group, 7, "a member that is no more", None)


def test_records_of_several_topics_and_offsets_with_metadata_are_committed_together(
    broker: Any, topics: TopicNames, make: Make
) -> None:
    metadata = json.dumps({"s": 0, "e": 2**40, "name": 'Ünïcode "quoted" 🎵'}, ensure_ascii=False)
    seen: list[list[int]] = []

    def offsets(written: Any) -> dict[Any, Any]:
        seen.append(list(written))
        assert transactions.values(broker.bootstrap_servers, topics.output) == []  # in the log, and not to be seen yet
        return transactions.at(topics, 42, metadata)

    writes = [*transactions.writes(topics.output, "a", "b"), Write(topics.state, b"stream", None, partition=1)]
    writer = make()
    written = writer.commit(writes, offsets, ConsumerGroupMetadata(topics.group))

    assert written == seen[0] == [0, 1, 0]
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["a", "b"]
    [tombstone] = topic_io.read_all(broker.bootstrap_servers, topics.state)
    assert (tombstone.partition, tombstone.offset, tombstone.key, tombstone.value) == (1, 0, b"stream", None)
    found = transactions.committed(broker.bootstrap_servers, topics)
    assert (found.offset, found.metadata) == (42, metadata)


def test_the_offsets_of_many_writes_are_those_that_a_reader_finds(broker: Any, topics: TopicNames, make: Make) -> None:
    writer = make(batch_size=2000)
    wanted = {}
    for batch in range(3):
        writes = [
            Write(topics.output, None, b"%d-%d" % (batch, index) + b"x" * (index % 700), partition=index % 2)
            for index in range(200)
        ]
        written = writer.commit(writes, _nothing, ConsumerGroupMetadata(topics.group))
        wanted |= {(write.partition, offset): write.value for write, offset in zip(writes, written, strict=True)}
    found = topic_io.read_all(broker.bootstrap_servers, topics.output)
    assert {(record.partition, record.offset): record.value for record in found} == wanted


def test_an_error_of_the_callers_leaves_nothing_and_the_writer_takes_no_more(
    broker: Any, topics: TopicNames, make: Make
) -> None:
    def fail(_: Any) -> dict[Any, Any]:
        raise LookupError("a defect")

    writer = make()
    with pytest.raises(LookupError):
        writer.commit(transactions.writes(topics.output, "never"), fail, ConsumerGroupMetadata(topics.group))
    with pytest.raises(TransactionError, match="make a new one"):
        writer.commit(transactions.writes(topics.output, "never"), _nothing, ConsumerGroupMetadata(topics.group))
    make().commit(transactions.writes(topics.output, "after"), _nothing, ConsumerGroupMetadata(topics.group))
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["after"]


def test_a_second_writer_of_the_same_identity_fences_the_first(broker: Any, topics: TopicNames, make: Make) -> None:
    first, group = make(), ConsumerGroupMetadata(topics.group)
    first.commit(transactions.writes(topics.output, "first"), _nothing, group)
    second = make()
    with pytest.raises(FencedError, match="transactional id"):
        first.commit(transactions.writes(topics.output, "zombie"), lambda _: transactions.at(topics, 1), group)
    second.commit(transactions.writes(topics.output, "second"), lambda _: transactions.at(topics, 2), group)
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["first", "second"]
    assert transactions.committed(broker.bootstrap_servers, topics).offset == 2


def test_a_writer_fenced_in_mid_transaction_leaves_nothing(broker: Any, topics: TopicNames, make: Make) -> None:
    first, group = make(), ConsumerGroupMetadata(topics.group)

    def successor_comes(_: Any) -> dict[Any, Any]:
        make().commit(transactions.writes(topics.output, "second"), lambda _: transactions.at(topics, 2), group)
        return transactions.at(topics, 1)

    with pytest.raises(FencedError):
        first.commit(transactions.writes(topics.output, "zombie"), successor_comes, group)
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["second"]
    assert transactions.committed(broker.bootstrap_servers, topics).offset == 2


def test_a_write_that_is_too_large_is_named_and_the_others_go_on_without_it(
    broker: Any, topics: TopicNames, make: Make
) -> None:
    group = ConsumerGroupMetadata(topics.group)
    writes = transactions.writes(topics.output, "a", "x" * 2_000_000, "b")
    for limit in (32 * 2**20, 1_500_000):  # refused by the broker; by the producer
        with pytest.raises(TransactionError, match="too large") as caught:
            make(max_request_size=limit).commit(writes, _nothing, group)
        assert caught.value.too_large == 1
    make().commit([writes[0], writes[2]], _nothing, group)
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["a", "b"]


def test_fault_2_naive_a_refused_record_lets_the_commit_succeed_with_nothing_in_it(
    broker: Any, topics: TopicNames, naive: Any
) -> None:
    naive.begin_transaction()
    naive.send(topics.output, b"first", partition=0)
    naive.flush()
    _disturb_sequence(naive, topics)
    naive.send(topics.output, b"second", partition=0)
    naive.commit_transaction()  # a success
    assert transactions.values(broker.bootstrap_servers, topics.output) == []


def test_fault_2_a_refused_record_fails_our_commit(broker: Any, topics: TopicNames, make: Make) -> None:
    group = ConsumerGroupMetadata(topics.group)
    writer = make()
    writer.commit(transactions.writes(topics.output, "before"), _nothing, group)
    _disturb_sequence(writer._producer, topics)
    with pytest.raises(TransactionError):
        writer.commit(transactions.writes(topics.output, "refused"), lambda _: transactions.at(topics, 1), group)
    make().commit(transactions.writes(topics.output, "after"), _nothing, group)
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["before", "after"]
    assert transactions.committed(broker.bootstrap_servers, topics) is None


def _disturb_sequence(producer: Any, topics: TopicNames) -> None:
    """What a broker that lost records has the producer look like; no real one loses them at a test's wish."""
    producer._transaction_manager.set_sequence_number(TopicPartition(topics.output, 0), 1000)


def test_fault_3_naive_the_transaction_after_a_stale_one_commits_the_stale_offsets(
    broker: Any, topics: TopicNames, naive: Any
) -> None:
    naive.begin_transaction()
    with pytest.raises(Exception, match=r"IllegalGeneration|UnknownMemberId"):
        naive.send_offsets_to_transaction(transactions.at(topics, 111), _stale(topics))
    naive.abort_transaction()
    naive.begin_transaction()
    naive.send_offsets_to_transaction(transactions.at(topics, 5, partition=1), ConsumerGroupMetadata(topics.group))
    naive.commit_transaction()
    assert transactions.committed(broker.bootstrap_servers, topics).offset == 111  # aborted before


def test_fault_3_nothing_of_a_stale_transaction_comes_with_the_next(
    broker: Any, topics: TopicNames, make: Make
) -> None:
    with pytest.raises(TransactionError, match=r"IllegalGeneration|UnknownMemberId"):
        make().commit(
            transactions.writes(topics.output, "stale"), lambda _: transactions.at(topics, 111), _stale(topics)
        )
    make().commit(
        transactions.writes(topics.output, "good"),
        lambda _: transactions.at(topics, 5, partition=1),
        ConsumerGroupMetadata(topics.group),
    )
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["good"]
    assert transactions.committed(broker.bootstrap_servers, topics) is None
    assert transactions.committed(broker.bootstrap_servers, topics, partition=1).offset == 5


def test_a_static_member_whose_name_was_taken_is_fenced(
    broker: Any, topics: TopicNames, make: Make, join: Join
) -> None:
    first = join(group_instance_id="the one")
    poll_until([first], lambda: first.partitions == {0, 1})
    group = first.consumer.group_metadata()
    second = join(group_instance_id="the one")
    poll_until([second], lambda: second.partitions == {0, 1})
    with pytest.raises(FencedError, match="--group-instance-id"):
        make().commit(transactions.writes(topics.output, "zombie"), lambda _: transactions.at(topics, 1), group)
    make().commit(
        transactions.writes(topics.output, "good"),
        lambda _: transactions.at(topics, 2),
        second.consumer.group_metadata(),
    )
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["good"]
    assert transactions.committed(broker.bootstrap_servers, topics).offset == 2


def test_a_transaction_that_took_too_long_is_no_sign_of_another_process(
    broker: Any, topics: TopicNames, make: Make
) -> None:
    group = ConsumerGroupMetadata(topics.group)

    def slow(_: Any) -> dict[Any, Any]:
        threading.Event().wait(1.2)  # longer than the transaction may take: as if the process had been stopped
        return transactions.at(topics, 1)

    with pytest.raises(TransactionError):
        make(transaction_timeout_ms=1000).commit(transactions.writes(topics.output, "late"), slow, group)
    make().commit(transactions.writes(topics.output, "good"), lambda _: transactions.at(topics, 2), group)
    assert transactions.values(broker.bootstrap_servers, topics.output) == ["good"]
