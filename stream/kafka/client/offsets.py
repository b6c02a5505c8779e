"""Asks the broker what a group has committed and where partitions begin and end, beside the group's consumer.

    offset_client = OffsetClient(connection.config(), "audio.chunks", "moodstream")
    offset_client.committed(0)                         # OffsetAndMetadata, or None
    offset_client.edge(0, "latest")                    # offset of the next record to come

The consumer's own questions would wait longer: on one connection a broker answers in turn, and it answers a wish to
join the group only when all members have joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaTimeoutError

_CALL_MS = 2_000


class OffsetClient:
    """Answers about one topic and one group, of which it is no member; for one thread."""

    def __init__(self, config: dict[str, Any], topic: str, group_id: str) -> None:
        """Connect.

        Args:
            config: what every client is given: ``Connection.config()``.
            topic: asked about.
            group_id: the group whose offsets are asked for.

        Raises:
            KafkaError: no broker answers, or none accepts the user (see ``connect``).
        """
        self._topic = topic
        self._doubtful: set[int] = set()  # the answer of a question may be an old one
        self._consumer: Any = KafkaConsumer(
            **config,
            group_id=group_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
        )

    def committed(self, partition: int) -> OffsetAndMetadata | None:
        """Return what the group has committed, None where it has not; waits for a transaction that is ending.

        Raises:
            KafkaError: no answer within two seconds, or a refusal; to be asked again.
        """
        tp = TopicPartition(self._topic, partition)
        if partition in self._doubtful:
            # kafka-python keeps a question that timed out and gives its answer, by then an old one, to the next.
            self._consumer.committed(tp, metadata=True, timeout_ms=_CALL_MS)
            self._doubtful.discard(partition)
        try:
            found = self._consumer.committed(tp, metadata=True, timeout_ms=_CALL_MS)
        except KafkaTimeoutError:
            self._doubtful.add(partition)
            raise
        return None if found is None or found.offset < 0 else found

    def edge(self, partition: int, which: Literal["earliest", "latest"]) -> int:
        """Return the offset of the first record of a partition, or that of the next to come.

        Raises:
            KafkaError: no answer within two seconds; to be asked again.
        """
        ask = self._consumer.beginning_offsets if which == "earliest" else self._consumer.end_offsets
        tp = TopicPartition(self._topic, partition)
        return int(ask([tp], timeout_ms=_CALL_MS)[tp])

    def ends(self, partitions: Iterable[int], timeout_ms: int) -> dict[int, int]:
        """Return the offsets of the next records to come.

        Raises:
            KafkaError: no answer within ``timeout_ms``.
        """
        asked = [TopicPartition(self._topic, partition) for partition in partitions]
        return {tp.partition: int(end) for tp, end in self._consumer.end_offsets(asked, timeout_ms=timeout_ms).items()}

    def close(self, timeout_ms: int) -> None:
        """Close the connections."""
        self._consumer.close(autocommit=False, timeout_ms=timeout_ms)
