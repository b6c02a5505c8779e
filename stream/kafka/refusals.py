"""What to do about fetches that the broker refuses: wait, step over what it cannot read, go where the log goes on.

refusals = Refusals(consumer, asker, "audio.chunks")
corrupt, gone = refusals.handle(damage.refused(), reading)       # after each poll
for partition in refusals.due(): consumer.resume(...)            # before each poll: their wait is over
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Collection, Iterable
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, LogTruncationError

from stream.kafka.asker import Asker
from stream.kafka.damage import Corrupt, Refused

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 1.0
_PATIENCE = 3  # a disk may recover; then we step, each time twice as far


@dataclasses.dataclass(frozen=True, slots=True)
class Gone:
    """The log has no record at ``offset`` any more; reading goes on at ``next_offset``.

    Retention deleted them if that is later. If it is earlier, the log lost its end (a broker crashed): records from
    there on are new ones, though their numbers were used before.
    """

    partition: int
    offset: int
    next_offset: int


class Refusals:
    """The partitions whose fetches were refused."""

    def __init__(self, consumer: Any, asker: Asker, topic: str) -> None:
        """Take the consumer, where the partitions of refused fetches are paused, and one that asks for offsets."""
        self._consumer = consumer
        self._asker = asker
        self._topic = topic
        self._held: dict[int, float] = {}
        self._failures: dict[int, int] = {}
        self._truncated: list[Gone] = []

    def handle(self, refused: Iterable[Refused], reading: Collection[int]) -> tuple[list[Corrupt], list[Gone]]:
        """Move or hold the partitions whose fetch failed, if they are still being read there.

        Returns:
            what was stepped over, and the jumps to where the log goes on.
        """
        corrupt: list[Corrupt] = []
        gone, self._truncated = self._truncated, []
        for each in refused:
            if each.partition not in reading:
                continue
            try:
                if each.error is None:
                    gone.append(self._go_on(each))
                elif step := self._step(each):
                    corrupt.append(step)
            except KafkaError as error:
                logger.debug("partition %d: %r", each.partition, error)
                self._hold(each.partition)
        return corrupt, gone

    def truncated(self, error: LogTruncationError) -> None:
        """Note that the log lost its end (a new leader did not have all): go where the broker says, if it does."""
        for tp, place in error.divergent_offsets.items():
            if place is not None and tp in self._consumer.assignment():
                before = self._consumer.position(tp, timeout_ms=0)
                self._consumer.seek(tp, place.offset)
                self._truncated.append(Gone(tp.partition, before, place.offset))

    def due(self) -> list[int]:
        """Return the partitions whose wait is over."""
        now = time.monotonic()
        due = [partition for partition, until in self._held.items() if until <= now]
        for partition in due:
            del self._held[partition]
        return due

    def is_held(self, partition: int) -> bool:
        """Whether a partition waits before it is tried again."""
        return partition in self._held

    def read(self, partitions: Iterable[int]) -> None:
        """Note that records of these came."""
        for partition in partitions:
            self._failures.pop(partition, None)

    def forget(self, partition: int) -> None:
        """Note that a partition is no longer ours, or begun again."""
        self._held.pop(partition, None)
        self._failures.pop(partition, None)

    def _go_on(self, refused: Refused) -> Gone:
        tp = TopicPartition(self._topic, refused.partition)
        begin, end = self._asker.edge(refused.partition, "earliest"), self._asker.edge(refused.partition, "latest")
        offset = begin if refused.offset < begin else min(end, refused.offset)
        self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        logger.warning("partition %d: offset %d is gone, on at %d", refused.partition, refused.offset, offset)
        return Gone(refused.partition, refused.offset, offset)

    def _step(self, refused: Refused) -> Corrupt | None:
        partition = refused.partition
        tp = TopicPartition(self._topic, partition)
        failures = self._failures[partition] = self._failures.get(partition, 0) + 1
        self._hold(partition)
        if failures <= _PATIENCE:
            return None
        end = self._asker.edge(partition, "latest")
        target = min(end, refused.offset + 2 ** (failures - _PATIENCE - 1))
        if target <= refused.offset:
            return None
        self._consumer.seek(tp, target)
        return Corrupt(partition, refused.offset, target, refused.error or "")

    def _hold(self, partition: int) -> None:
        self._consumer.pause(TopicPartition(self._topic, partition))
        self._held[partition] = time.monotonic() + _WAIT_SECONDS
