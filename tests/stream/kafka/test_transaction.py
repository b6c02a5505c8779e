from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from stream.kafka.connection import Connection
from stream.kafka.transaction import FencedError, TransactionalWriter, TransactionError, Write
from tests.stream.kafka import client
from tests.stream.kafka.client import TopicNames

_Make = Callable[..., TransactionalWriter]


@pytest.fixture
def make(broker: Any, topics: TopicNames) -> Iterator[_Make]:
    yield from _makes(broker.bootstrap_servers, topics)


def _makes(servers: str, topics: TopicNames) -> Iterator[_Make]:
    made = []

    def make(**config: Any) -> TransactionalWriter:
        writer = TransactionalWriter({**Connection((servers,)).config(), **config}, f"{topics.group}-writer")
        made.append(writer)
        return writer

    yield make
    for writer in made:
        writer.close()


@pytest.fixture
def naive(broker: Any, topics: TopicNames) -> Iterator[Any]:
    """A producer as one would use it who does not know the faults."""
    producer = _naive(broker.bootstrap_servers, topics)
    yield producer
    producer.close(timeout=5)


def _naive(servers: str, topics: TopicNames, **config: Any) -> Any:
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=f"{topics.group}-naive", **config)
    producer.init_transactions()
    return producer


def _writes(topic: str, *values: str, partition: int = 0) -> list[Write]:
    return [Write(topic, b"key", value.encode(), partition=partition) for value in values]


def _nothing(_: Any) -> dict[Any, Any]:
    return {}


def _values(servers: str, topic: str) -> list[str]:
    return [record.value.decode() for record in client.read_all(servers, topic)]


def _committed(servers: str, topics: TopicNames, partition: int = 0) -> Any:
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=topics.group, isolation_level="read_committed")
    try:
        return consumer.committed(TopicPartition(topics.input, partition), metadata=True)
    finally:
        consumer.close()


def _at(topics: TopicNames, offset: int, metadata: str = "", partition: int = 0) -> dict[Any, Any]:
    return {TopicPartition(topics.input, partition): OffsetAndMetadata(offset, metadata)}


def _stale(topics: TopicNames) -> ConsumerGroupMetadata:
    return ConsumerGroupMetadata(topics.group, 7, "a member that is no more", None)


def test_records_of_several_topics_and_offsets_with_metadata_are_committed_together(
    broker: Any, topics: TopicNames, make: _Make
) -> None:
    metadata = json.dumps({"s": 0, "e": 2**40, "name": 'Ünïcode "quoted" 🎵'}, ensure_ascii=False)
    seen: list[list[int]] = []

    def offsets(written: Any) -> dict[Any, Any]:
        seen.append(list(written))
        assert _values(broker.bootstrap_servers, topics.output) == []  # in the log, and not to be seen yet
        return _at(topics, 42, metadata)

    writes = [*_writes(topics.output, "a", "b"), Write(topics.state, b"stream", None, partition=1)]
    writer = make()
    written = writer.commit(writes, offsets, ConsumerGroupMetadata(topics.group))

    assert written == seen[0] == [0, 1, 0]
    assert _values(broker.bootstrap_servers, topics.output) == ["a", "b"]
    [tombstone] = client.read_all(broker.bootstrap_servers, topics.state)
    assert (tombstone.partition, tombstone.offset, tombstone.key, tombstone.value) == (1, 0, b"stream", None)
    found = _committed(broker.bootstrap_servers, topics)
    assert (found.offset, found.metadata) == (42, metadata)


def test_the_offsets_of_many_writes_are_those_that_a_reader_finds(broker: Any, topics: TopicNames, make: _Make) -> None:
    writer = make(batch_size=2000)
    wanted = {}
    for batch in range(3):
        writes = [
            Write(topics.output, None, b"%d-%d" % (batch, index) + b"x" * (index % 700), partition=index % 2)
            for index in range(200)
        ]
        written = writer.commit(writes, _nothing, ConsumerGroupMetadata(topics.group))
        wanted |= {(write.partition, offset): write.value for write, offset in zip(writes, written, strict=True)}
    found = client.read_all(broker.bootstrap_servers, topics.output)
    assert {(record.partition, record.offset): record.value for record in found} == wanted


def test_an_error_of_the_callers_leaves_nothing_and_the_writer_takes_no_more(
    broker: Any, topics: TopicNames, make: _Make
) -> None:
    def fail(_: Any) -> dict[Any, Any]:
        raise LookupError("a defect")

    writer = make()
    with pytest.raises(LookupError):
        writer.commit(_writes(topics.output, "never"), fail, ConsumerGroupMetadata(topics.group))
    with pytest.raises(TransactionError, match="make a new one"):
        writer.commit(_writes(topics.output, "never"), _nothing, ConsumerGroupMetadata(topics.group))
    make().commit(_writes(topics.output, "after"), _nothing, ConsumerGroupMetadata(topics.group))
    assert _values(broker.bootstrap_servers, topics.output) == ["after"]


def test_a_second_writer_of_the_same_identity_fences_the_first(broker: Any, topics: TopicNames, make: _Make) -> None:
    first, group = make(), ConsumerGroupMetadata(topics.group)
    first.commit(_writes(topics.output, "first"), _nothing, group)
    second = make()
    with pytest.raises(FencedError, match="transactional id"):
        first.commit(_writes(topics.output, "zombie"), lambda _: _at(topics, 1), group)
    second.commit(_writes(topics.output, "second"), lambda _: _at(topics, 2), group)
    assert _values(broker.bootstrap_servers, topics.output) == ["first", "second"]
    assert _committed(broker.bootstrap_servers, topics).offset == 2


def test_a_writer_fenced_in_mid_transaction_leaves_nothing(broker: Any, topics: TopicNames, make: _Make) -> None:
    first, group = make(), ConsumerGroupMetadata(topics.group)

    def successor_comes(_: Any) -> dict[Any, Any]:
        make().commit(_writes(topics.output, "second"), lambda _: _at(topics, 2), group)
        return _at(topics, 1)

    with pytest.raises(FencedError):
        first.commit(_writes(topics.output, "zombie"), successor_comes, group)
    assert _values(broker.bootstrap_servers, topics.output) == ["second"]
    assert _committed(broker.bootstrap_servers, topics).offset == 2


def test_a_write_that_is_too_large_is_named_and_the_others_go_on_without_it(
    broker: Any, topics: TopicNames, make: _Make
) -> None:
    group = ConsumerGroupMetadata(topics.group)
    writes = _writes(topics.output, "a", "x" * 2_000_000, "b")
    for limit in (32 * 2**20, 1_500_000):  # refused by the broker; by the producer
        with pytest.raises(TransactionError, match="too large") as caught:
            make(max_request_size=limit).commit(writes, _nothing, group)
        assert caught.value.too_large == 1
    make().commit([writes[0], writes[2]], _nothing, group)
    assert _values(broker.bootstrap_servers, topics.output) == ["a", "b"]


def test_fault_2_naive_a_refused_record_lets_the_commit_succeed_with_nothing_in_it(
    broker: Any, topics: TopicNames, naive: Any
) -> None:
    naive.begin_transaction()
    naive.send(topics.output, b"first", partition=0)
    naive.flush()
    _disturb_sequence(naive, topics)
    naive.send(topics.output, b"second", partition=0)
    naive.commit_transaction()  # a success
    assert _values(broker.bootstrap_servers, topics.output) == []


def test_fault_2_a_refused_record_fails_our_commit(broker: Any, topics: TopicNames, make: _Make) -> None:
    group = ConsumerGroupMetadata(topics.group)
    writer = make()
    writer.commit(_writes(topics.output, "before"), _nothing, group)
    _disturb_sequence(writer._producer, topics)
    with pytest.raises(TransactionError):
        writer.commit(_writes(topics.output, "refused"), lambda _: _at(topics, 1), group)
    make().commit(_writes(topics.output, "after"), _nothing, group)
    assert _values(broker.bootstrap_servers, topics.output) == ["before", "after"]
    assert _committed(broker.bootstrap_servers, topics) is None


def _disturb_sequence(producer: Any, topics: TopicNames) -> None:
    """What a broker that lost records has the producer look like; no real one loses them at a test's wish."""
    producer._transaction_manager.set_sequence_number(TopicPartition(topics.output, 0), 1000)


def test_fault_3_naive_the_transaction_after_a_stale_one_commits_the_stale_offsets(
    broker: Any, topics: TopicNames, naive: Any
) -> None:
    naive.begin_transaction()
    with pytest.raises(Exception, match=r"IllegalGeneration|UnknownMemberId"):
        naive.send_offsets_to_transaction(_at(topics, 111), _stale(topics))
    naive.abort_transaction()
    naive.begin_transaction()
    naive.send_offsets_to_transaction(_at(topics, 5, partition=1), ConsumerGroupMetadata(topics.group))
    naive.commit_transaction()
    assert _committed(broker.bootstrap_servers, topics).offset == 111  # aborted before


def test_fault_3_nothing_of_a_stale_transaction_comes_with_the_next(
    broker: Any, topics: TopicNames, make: _Make
) -> None:
    with pytest.raises(TransactionError, match=r"IllegalGeneration|UnknownMemberId"):
        make().commit(_writes(topics.output, "stale"), lambda _: _at(topics, 111), _stale(topics))
    make().commit(
        _writes(topics.output, "good"), lambda _: _at(topics, 5, partition=1), ConsumerGroupMetadata(topics.group)
    )
    assert _values(broker.bootstrap_servers, topics.output) == ["good"]
    assert _committed(broker.bootstrap_servers, topics) is None
    assert _committed(broker.bootstrap_servers, topics, partition=1).offset == 5


def test_a_static_member_whose_name_was_taken_is_fenced(broker: Any, topics: TopicNames, make: _Make) -> None:
    first, second = (
        KafkaConsumer(
            topics.input,
            bootstrap_servers=broker.bootstrap_servers,
            group_id=topics.group,
            group_instance_id="the one",
            enable_auto_commit=False,
        )
        for _ in range(2)
    )
    try:
        _join(first)
        group = first.group_metadata()
        _join(second)
        with pytest.raises(FencedError, match="--group-instance-id"):
            make().commit(_writes(topics.output, "zombie"), lambda _: _at(topics, 1), group)
        make().commit(_writes(topics.output, "good"), lambda _: _at(topics, 2), second.group_metadata())
    finally:
        second.close(autocommit=False)
        first.close(autocommit=False)
    assert _values(broker.bootstrap_servers, topics.output) == ["good"]
    assert _committed(broker.bootstrap_servers, topics).offset == 2


def _join(consumer: Any) -> None:
    for _ in range(300):
        consumer.poll(100)
        if consumer.assignment():
            return
    raise TimeoutError("the group gave it nothing")


def test_a_transaction_that_took_too_long_is_no_sign_of_another_process(
    broker: Any, topics: TopicNames, make: _Make
) -> None:
    group = ConsumerGroupMetadata(topics.group)

    def slow(_: Any) -> dict[Any, Any]:
        threading.Event().wait(1.2)  # longer than the transaction may take: as if the process had been stopped
        return _at(topics, 1)

    with pytest.raises(TransactionError):
        make(transaction_timeout_ms=1000).commit(_writes(topics.output, "late"), slow, group)
    make().commit(_writes(topics.output, "good"), lambda _: _at(topics, 2), group)
    assert _values(broker.bootstrap_servers, topics.output) == ["good"]


@pytest.fixture
def own_topics(own_broker: Any) -> TopicNames:
    names = client.unique_names()
    client.create(own_broker.bootstrap_servers, names)
    return names


def test_fault_1_naive_a_batch_that_expires_is_missing_from_a_commit_that_succeeds(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers = own_broker.bootstrap_servers
    producer = _naive(servers, own_topics, delivery_timeout_ms=1500, request_timeout_ms=1000)
    producer.begin_transaction()
    producer.send(own_topics.output, b"first", partition=0)
    producer.flush()
    own_broker.kill()
    expires = producer.send(own_topics.output, b"second", partition=0)
    gone = threading.Event()
    expires.add_errback(lambda _: gone.set())
    assert gone.wait(60)
    own_broker.start()
    producer.commit_transaction()  # a success
    producer.close(timeout=5)
    assert _values(servers, own_topics.output) == ["first"]


def test_fault_1_a_batch_that_expires_fails_our_commit_and_a_new_writer_goes_on_exactly_once(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers, group = own_broker.bootstrap_servers, ConsumerGroupMetadata(own_topics.group)
    makes = _makes(servers, own_topics)
    make = next(makes)
    writer = make(delivery_timeout_ms=1500, request_timeout_ms=1000)
    writer.commit(_writes(own_topics.output, "first"), lambda _: _at(own_topics, 1), group)

    class Writes(list[Write]):
        def __iter__(self) -> Iterator[Write]:
            yield self[0]
            client.read(servers, own_topics.output, 2, isolation_level="read_uncommitted")
            own_broker.kill()
            yield self[1]

    with pytest.raises(TransactionError, match="Expiring"):
        writer.commit(Writes(_writes(own_topics.output, "second", "third")), lambda _: _at(own_topics, 2), group)
    with pytest.raises(TransactionError, match="opening"):
        make(bootstrap_timeout_ms=500)
    own_broker.start()
    assert _committed(servers, own_topics).offset == 1  # so the second is done again
    make().commit(_writes(own_topics.output, "second", "third"), lambda _: _at(own_topics, 2), group)
    assert _values(servers, own_topics.output) == ["first", "second", "third"]
    assert _committed(servers, own_topics).offset == 2
    assert next(makes, None) is None


def test_a_broker_killed_in_mid_transaction_costs_a_transaction_and_nothing_else(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers, group = own_broker.bootstrap_servers, ConsumerGroupMetadata(own_topics.group)
    makes = _makes(servers, own_topics)
    make = next(makes)

    def killed(_: Any) -> dict[Any, Any]:
        own_broker.kill()
        return _at(own_topics, 1)

    writer = make(transaction_timeout_ms=4000)  # ends the waiting for the broker
    with pytest.raises(TransactionError):
        writer.commit(_writes(own_topics.output, "once"), killed, group)
    writer.close()
    own_broker.start()
    writer = make()
    assert _committed(servers, own_topics) is None
    writer.commit(_writes(own_topics.output, "once"), lambda _: _at(own_topics, 1), group)
    assert _values(servers, own_topics.output) == ["once"]
    assert _committed(servers, own_topics).offset == 1
    assert next(makes, None) is None
