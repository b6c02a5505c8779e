"""What a chaos run reads from the broker: all records of a topic, and where the group stands.

for record in each(servers, topic): ...
wait_for_transactions(servers, topic)       # what a killed consumer left open would hide what comes after it
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition

_WAIT_SECONDS = 120.0


def each(servers: str, topic: str) -> Iterator[Any]:
    """Yield every committed record of a topic, in the order of each partition.

    Raises:
        TimeoutError: the broker does not give them.
    """
    consumer = _consumer(servers, isolation_level="read_committed")
    try:
        partitions = _partitions(consumer, topic)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        deadline = time.monotonic() + _WAIT_SECONDS
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            polled = consumer.poll(500)
            for records in polled.values():
                yield from records
            if polled:
                deadline = time.monotonic() + _WAIT_SECONDS
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{topic} cannot be read to its end")
    finally:
        consumer.close()


def wait_for_transactions(servers: str, topic: str) -> None:
    """Wait until no transaction is open on a topic, so that a reader of what is committed sees all of it.

    Raises:
        TimeoutError: one stays open.
    """
    committed, everything = (
        _consumer(servers, isolation_level=level) for level in ("read_committed", "read_uncommitted")
    )
    try:
        partitions = _partitions(committed, topic)
        deadline = time.monotonic() + _WAIT_SECONDS
        while committed.end_offsets(partitions) != everything.end_offsets(partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"a transaction on {topic} stays open")
            time.sleep(0.5)  # nobody tells when a transaction ends
    finally:
        committed.close()
        everything.close()


class Group:
    """Where a group stands."""

    def __init__(self, servers: str, group: str, topic: str) -> None:
        self._consumer = _consumer(servers, group_id=group)
        self._partitions = _partitions(self._consumer, topic)

    def ends(self) -> dict[int, int]:
        """Return the end of each partition."""
        return {each.partition: end for each, end in self._consumer.end_offsets(self._partitions).items()}

    def committed(self) -> dict[int, tuple[int, dict[str, int]]]:
        """Return offset and metadata that were committed, of each partition that has them."""
        found = {}
        for partition in self._partitions:
            place = self._consumer.committed(partition, metadata=True)
            if place is not None and place.offset >= 0:
                found[partition.partition] = (place.offset, json.loads(place.metadata or "{}"))
        return found

    def lag(self) -> int:
        """Return how many records are not consumed yet."""
        committed = self.committed()
        return sum(end - committed.get(partition, (0, {}))[0] for partition, end in self.ends().items())

    def close(self) -> None:
        """Leave the broker alone."""
        self._consumer.close()


def _consumer(servers: str, **config: Any) -> Any:
    usual: dict[str, Any] = {"group_id": None, "enable_auto_commit": False, "fetch_max_bytes": 16 * 2**20}
    return KafkaConsumer(bootstrap_servers=servers, **{**usual, **config})


def _partitions(consumer: Any, topic: str) -> list[TopicPartition]:
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise LookupError(f"there is no topic {topic}")
    return [TopicPartition(topic, number) for number in sorted(numbers)]
