"""The records that came and wait to be scored, of several partitions.

backlog = Backlog()
backlog.open(3)
backlog.extend(polled)                       # what a poll brought: records, and what was passed over
for partition, item in backlog.in_turn(): ...   # one of each partition in turn, until it is left or all are taken
backlog.waiting                              # partitions of which something waits
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from stream.kafka.client.input import Polled


class Backlog:
    """Keeps what waits of each partition in the order of the log."""

    def __init__(self) -> None:
        self._items: dict[int, deque[Any]] = {}

    def __contains__(self, partition: int) -> bool:
        return bool(self._items.get(partition))

    @property
    def waiting(self) -> list[int]:
        """Partitions of which something waits."""
        return [partition for partition, items in self._items.items() if items]

    def open(self, partition: int) -> None:
        """Begin to keep a partition's records; those of others are not ours."""
        self._items[partition] = deque()

    def forget(self, partition: int) -> None:
        """Let go of a partition and all that waits of it."""
        self._items.pop(partition, None)

    def extend(self, polled: Polled) -> None:
        """Take what a poll brought."""
        for partition, items in self._items.items():
            passed_over: list[Any] = [*polled.corrupt, *polled.gone]
            came = [*polled.records.get(partition, []), *(each for each in passed_over if each.partition == partition)]
            items.extend(sorted(came, key=lambda item: item.offset))

    def in_turn(self) -> Iterator[tuple[int, Any]]:
        """Take out one item of each partition in turn, until none waits."""
        while waiting := self.waiting:
            for partition in waiting:
                yield partition, self._items[partition].popleft()
