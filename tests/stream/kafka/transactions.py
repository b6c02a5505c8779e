"""Writers of transactions for the tests, and what they left on the broker.

for make in makes(servers, topics): writer = make(); writer.commit(...)      # all are closed at the end
assert values(servers, topics.output) == ["a"] and committed(servers, topics).offset == 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition

from stream.kafka.client.connection import Connection
from stream.kafka.client.transaction import TransactionalWriter, Write
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import TopicNames

Make = Callable[..., TransactionalWriter]


def makes(servers: str, topics: TopicNames) -> Iterator[Make]:
    made = []

    def make(**config: Any) -> TransactionalWriter:
        writer = TransactionalWriter({**Connection((servers,)).config(), **config}, f"{topics.group}-writer")
        made.append(writer)
        return writer

    yield make
    for writer in made:
        writer.close()


def naive(servers: str, topics: TopicNames, **config: Any) -> Any:
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=f"{topics.group}-naive", **config)
    producer.init_transactions()
    return producer


def writes(topic: str, *values: str, partition: int = 0) -> list[Write]:
    return [Write(topic, b"key", value.encode(), partition=partition) for value in values]


def values(servers: str, topic: str) -> list[str]:
    return [record.value.decode() for record in topic_io.read_all(servers, topic)]


def committed(servers: str, topics: TopicNames, partition: int = 0) -> Any:
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=topics.group, isolation_level="read_committed")
    try:
        return consumer.committed(TopicPartition(topics.input, partition), metadata=True)
    finally:
        consumer.close()


def at(topics: TopicNames, offset: int, metadata: str = "", partition: int = 0) -> dict[Any, Any]:
    return {TopicPartition(topics.input, partition): OffsetAndMetadata(offset, metadata)}
