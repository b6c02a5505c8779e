"""What tests of the Kafka deployment do on a broker: topics with names of their own, records in and out.

names = unique_names()                                    # the fixture `topic_names`, which deletes them again
create(broker.bootstrap_servers, names, partitions=3)     # the fixture `topics` has done so, with 2 partitions
send(broker.bootstrap_servers, names.input, [Record(key=b"a", value=b"1")])
records = read_all(broker.bootstrap_servers, names.output)            # all that is committed now
records = read(broker.bootstrap_servers, names.output, count=3)       # waits until there are that many
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

_WAIT_SECONDS = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class TopicNames:
    """Names of the four topics and the group of one test."""

    input: str
    output: str
    dead_letters: str
    state: str
    group: str

    @property
    def topics(self) -> tuple[str, str, str, str]:
        """The topics' names."""
        return self.input, self.output, self.dead_letters, self.state


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One record to send; without a partition the key chooses it."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None
    partition: int | None = None


def unique_names() -> TopicNames:
    """Return names that nothing else uses."""
    prefix = f"test-{uuid.uuid4().hex[:10]}"
    return TopicNames(f"{prefix}-in", f"{prefix}-out", f"{prefix}-dlq", f"{prefix}-state", f"{prefix}-group")


def create(bootstrap_servers: str, names: TopicNames, partitions: int = 2, **state_configs: str) -> None:
    """Create the four topics, the state compacted, and wait until they have leaders.

    Nothing is deleted for its age: the records of tests may be years old by their timestamps, and the broker would.
    """
    kept = {"retention.ms": "-1"}
    wanted: dict[str, Any] = {name: {"num_partitions": partitions, "configs": kept} for name in names.topics}
    wanted[names.state]["configs"] = {"cleanup.policy": "compact", **state_configs}
    with _Admin(bootstrap_servers) as admin:
        admin.create_topics(wanted, wait_for_metadata=True)


def delete(bootstrap_servers: str, names: TopicNames) -> None:
    """Delete those of the topics that exist."""
    with _Admin(bootstrap_servers) as admin:
        if there := set(admin.list_topics()) & set(names.topics):
            admin.delete_topics(sorted(there))


def send(bootstrap_servers: str, topic: str, records: Iterable[Record], **config: Any) -> list[int]:
    """Send records in their order and return their offsets; ``config`` goes to the producer."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, **{"linger_ms": 0, **config})
    try:
        sent = [
            producer.send(
                topic,
                key=each.key,
                value=each.value,
                headers=list(each.headers),
                timestamp_ms=each.timestamp_ms,
                partition=each.partition,
            )
            for each in records
        ]
        producer.flush()
        return [future.get(_WAIT_SECONDS).offset for future in sent]
    finally:
        producer.close()


def read_all(bootstrap_servers: str, topic: str, **config: Any) -> list[Any]:
    """Return all committed records (``ConsumerRecord``) that a topic holds now, by partition and offset."""
    consumer, partitions = _reader(bootstrap_servers, topic, config)
    try:
        ends = consumer.end_offsets(partitions)  # of a read_committed consumer: where the first open transaction begins
        found = []
        deadline = time.monotonic() + _WAIT_SECONDS
        while any(consumer.position(each) < ends[each] for each in partitions):
            found += [record for records in consumer.poll(200).values() for record in records]
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {topic} cannot be read to its end; {len(found)} records so far")
        return sorted(
            (each for each in found if each.offset < ends[TopicPartition(topic, each.partition)]),
            key=lambda each: (each.partition, each.offset),
        )
    finally:
        consumer.close()


def read(
    bootstrap_servers: str, topic: str, count: int, *, timeout_s: float = _WAIT_SECONDS, **config: Any
) -> list[Any]:
    """Wait until a topic holds ``count`` committed records and return them, by partition and offset.

    Raises:
        TimeoutError: there were fewer for ``timeout_s`` seconds; the message says how many.
    """
    return read_until(bootstrap_servers, topic, lambda found: len(found) >= count, timeout_s=timeout_s, **config)


def read_until(
    bootstrap_servers: str,
    topic: str,
    is_done: Callable[[Sequence[Any]], bool],
    *,
    timeout_s: float = _WAIT_SECONDS,
    **config: Any,
) -> list[Any]:
    """Wait until the committed records of a topic are those wanted and return them, by partition and offset.

    Raises:
        TimeoutError: they were not for ``timeout_s`` seconds; the message says how many there are.
    """
    consumer, _ = _reader(bootstrap_servers, topic, config)
    try:
        found: list[Any] = []
        deadline = time.monotonic() + timeout_s
        while not is_done(found):
            found += [record for records in consumer.poll(200).values() for record in records]
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {topic} has {len(found)} records after {timeout_s:g} s: not those wanted")
        return sorted(found, key=lambda each: (each.partition, each.offset))
    finally:
        consumer.close()


def _reader(bootstrap_servers: str, topic: str, config: dict[str, Any]) -> tuple[Any, list[TopicPartition]]:
    usual = {"group_id": None, "isolation_level": "read_committed", "enable_auto_commit": False}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, **{**usual, **config})
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    if not partitions:
        consumer.close()
        raise LookupError(f"there is no topic {topic}")
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    return consumer, partitions


class _Admin:
    def __init__(self, bootstrap_servers: str) -> None:
        self._admin: Any = KafkaAdminClient(bootstrap_servers=bootstrap_servers)

    def __enter__(self) -> Any:
        return self._admin

    def __exit__(self, *_: object) -> None:
        self._admin.close()
