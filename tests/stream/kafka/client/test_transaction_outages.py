"""Transactions while the broker is killed: fault 1, and a crash in mid-transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.structs import ConsumerGroupMetadata

from stream.kafka.client.transaction import TransactionError, Write
from tests.stream.kafka import topic_io, transactions
from tests.stream.kafka.topic_io import TopicNames


@pytest.fixture
def own_topics(own_broker: Any) -> TopicNames:
    names = topic_io.unique_names()
    topic_io.create(own_broker.bootstrap_servers, names)
    return names


def test_fault_1_naive_a_batch_that_expires_is_missing_from_a_commit_that_succeeds(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers = own_broker.bootstrap_servers
    producer = transactions.naive(servers, own_topics, delivery_timeout_ms=1500, request_timeout_ms=1000)
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
    assert transactions.values(servers, own_topics.output) == ["first"]


def test_fault_1_a_batch_that_expires_fails_our_commit_and_a_new_writer_goes_on_exactly_once(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers, group = own_broker.bootstrap_servers, ConsumerGroupMetadata(own_topics.group)
    makes = transactions.makes(servers, own_topics)
    make = next(makes)
    writer = make(delivery_timeout_ms=1500, request_timeout_ms=1000)
    writer.commit(transactions.writes(own_topics.output, "first"), lambda _: transactions.at(own_topics, 1), group)

    class Writes(list[Write]):
        def __iter__(self) -> Iterator[Write]:
            yield self[0]
            topic_io.read(servers, own_topics.output, 2, isolation_level="read_uncommitted")
            own_broker.kill()
            yield self[1]

    with pytest.raises(TransactionError, match="Expiring"):
        writer.commit(
            Writes(transactions.writes(own_topics.output, "second", "third")),
            lambda _: transactions.at(own_topics, 2),
            group,
        )
    with pytest.raises(TransactionError, match="opening"):
        make(bootstrap_timeout_ms=500)
    own_broker.start()
    assert transactions.committed(servers, own_topics).offset == 1  # so the second is done again
    make().commit(
        transactions.writes(own_topics.output, "second", "third"), lambda _: transactions.at(own_topics, 2), group
    )
    assert transactions.values(servers, own_topics.output) == ["first", "second", "third"]
    assert transactions.committed(servers, own_topics).offset == 2
    assert next(makes, None) is None


def test_a_broker_killed_in_mid_transaction_costs_a_transaction_and_nothing_else(
    own_broker: Any, own_topics: TopicNames
) -> None:
    servers, group = own_broker.bootstrap_servers, ConsumerGroupMetadata(own_topics.group)
    makes = transactions.makes(servers, own_topics)
    make = next(makes)

    def killed(_: Any) -> dict[Any, Any]:
        own_broker.kill()
        return transactions.at(own_topics, 1)

    writer = make(transaction_timeout_ms=4000)  # ends the waiting for the broker
    with pytest.raises(TransactionError):
        writer.commit(transactions.writes(own_topics.output, "once"), killed, group)
    writer.close()
    own_broker.start()
    writer = make()
    assert transactions.committed(servers, own_topics) is None
    writer.commit(transactions.writes(own_topics.output, "once"), lambda _: transactions.at(own_topics, 1), group)
    assert transactions.values(servers, own_topics.output) == ["once"]
    assert transactions.committed(servers, own_topics).offset == 1
    assert next(makes, None) is None
