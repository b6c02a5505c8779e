"""What the tagger's loop tells of itself: lines in the log, and figures for the metrics if somebody asks for them.

report = Report(metrics, "audio.chunks")            # metrics: KafkaMetrics, or None
report.rebalance(given={0, 1}, taken=set())
report.restored(0, 0.12, 3); report.restored(1, 0.31, 4); report.settled()     # one line, when all go on
report.gauges(partitions, consumer.end)             # in each turn; it counts once a second
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from stream.common.text import count_of
from stream.kafka.client.workarounds import Corrupt, Gone
from stream.kafka.partition import PartitionTagger

if TYPE_CHECKING:  # imported with the HTTP side only
    from stream.metrics.metrics import KafkaMetrics

logger = logging.getLogger(__name__)

_GAUGE_SECONDS = 1.0


class Report:
    """Tells what happens to the partitions of one topic."""

    def __init__(self, metrics: KafkaMetrics | None, topic: str) -> None:
        """Take what counts, or None, and the topic that is read."""
        self._metrics = metrics
        self._topic = topic
        self._gauges_at = self._heartbeat_at = 0.0
        self._given: set[int] = set()
        self._taken: set[int] = set()
        self._restored: dict[int, tuple[float, int]] = {}  # seconds and streams

    def rebalance(self, given: Iterable[int], taken: Iterable[int]) -> None:
        """Note what the group gave to this process and took from it; the line is written when it has settled."""
        given, taken = set(given), set(taken)
        self._taken = (self._taken | taken) - given
        self._given = (self._given - taken) | given
        for partition in taken:
            self._restored.pop(partition, None)
        if self._metrics:
            self._metrics.rebalance()

    def restored(self, partition: int, seconds: float, streams: int) -> None:
        """Note that a partition goes on with so many streams, seconds after it was given."""
        self._restored[partition] = (seconds, streams)
        if self._metrics:
            self._metrics.restore(seconds)

    def settled(self) -> None:
        """Say in one line what happened since the last, if anything did: all partitions go on."""
        if not (self._given or self._taken or self._restored):
            return
        seconds = max((seconds for seconds, _ in self._restored.values()), default=0.0)
        streams = sum(streams for _, streams in self._restored.values())
        logger.info(
            "partitions: %s given, %s taken away; %s restored in %.2f s with %s",
            *(_names(each) for each in (self._given, self._taken, self._restored)),
            seconds,
            count_of(streams, "stream"),
        )
        self._given, self._taken, self._restored = set(), set(), {}

    def passed_over(self, partition: int, item: Corrupt | Gone) -> None:
        """Note offsets whose records cannot be had."""
        reason: Literal["corruption", "retention"]
        if isinstance(item, Corrupt):
            reason = "corruption"
            logger.error("partition %d: offset %d cannot be read: %s", partition, item.offset, item.error)
        else:
            reason = "retention"
            logger.error("partition %d: offset %d is gone, on from %d", partition, item.offset, item.next_offset)
        if self._metrics:
            self._metrics.skipped(reason, max(0, item.next_offset - item.offset))

    def transaction(self, result: Literal["committed", "aborted"], seconds: float) -> None:
        """Note how a transaction ended and how long it took."""
        if self._metrics:
            self._metrics.transaction(result, seconds)

    def forgotten(self, partition: int) -> None:
        """Note that a partition's figures are no longer ours to give."""
        if self._metrics:
            self._metrics.forget_partition(self._topic, partition)

    def heartbeat(self, age: Callable[[], float]) -> None:
        """Note how many seconds ago the group last heard of us, once a second."""
        now = time.monotonic()
        if self._metrics is None or now < self._heartbeat_at + _GAUGE_SECONDS:
            return
        self._heartbeat_at = now
        if math.isfinite(seconds := age()):
            self._metrics.heartbeat(time.time() - seconds)

    def gauges(self, partitions: Mapping[int, PartitionTagger], end: Callable[[int], int | None]) -> None:
        """Count what there is, once a second.

        Args:
            partitions: all that are ours and found.
            end: returns the end of a partition's log, None if it is not known.
        """
        now = time.monotonic()
        if self._metrics is None or now < self._gauges_at + _GAUGE_SECONDS:
            return
        self._gauges_at = now
        self._metrics.partitions_assigned(len(partitions))
        self._metrics.streams_alive(sum(len(tagger.streams) for tagger in partitions.values()))
        for partition, tagger in partitions.items():
            if (last := end(partition)) is not None:
                self._metrics.lag(self._topic, partition, max(0, last - tagger.position))


def _names(partitions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(partitions))) or "none"
