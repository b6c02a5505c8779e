"""Members of a group for the tests: each notes what its polls bring.

members = [join(), join(group_instance_id="one")]             # the fixture `join`: they leave at the end
poll_until(members, lambda: members[0].partitions | members[1].partitions == {0, 1})
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

from stream.kafka.client.connection import Connection
from stream.kafka.client.input import Corrupt, Gone, InputConsumer
from stream.settings.kafka import ConsumerOptions
from tests.stream.kafka.topic_io import TopicNames

_PATIENCE = 60.0

Join = Callable[..., "Member"]


class Member:
    """A member that starts what it is given where the group stands, or at 0, unless told otherwise."""

    def __init__(self, servers: str, topics: TopicNames, *, starts: bool = True, **options: Any) -> None:
        config = Connection((servers,)).config()
        self.consumer = InputConsumer(config, topics.input, ConsumerOptions(group_id=topics.group, **options))
        self.starts = starts
        self.partitions: set[int] = set()
        self.events: list[tuple[str, int]] = []
        self.records: dict[int, list[Any]] = {}
        self.corrupt: list[Corrupt] = []
        self.gone: list[Gone] = []
        self.polls = 0

    def poll(self, timeout_s: float = 0.05, max_records: int = 500) -> None:
        """Poll once."""
        polled = self.consumer.poll(timeout_s, max_records)
        self.polls += 1
        for partition, records in polled.records.items():
            self.records.setdefault(partition, []).extend(records)
        self.events += [("lost", partition) for partition in sorted(polled.lost)]
        self.events += [("assigned", partition) for partition in sorted(polled.assigned)]
        self.partitions = self.partitions - polled.lost | polled.assigned
        self.corrupt += polled.corrupt
        self.gone += polled.gone
        if self.starts:
            for partition in polled.assigned:
                place = self.consumer.committed([partition])[partition]
                offset = None if place is None else place.offset
                self.consumer.start(partition, offset or 0, expected=offset)

    def values(self, partition: int) -> list[bytes]:
        """Return what came of a partition."""
        return [record.value for record in self.records.get(partition, [])]


def poll_until(members: Sequence[Member], is_done: Callable[[], bool]) -> None:
    """Let members poll in turn until something is so."""
    deadline = time.monotonic() + _PATIENCE
    for member in itertools.cycle(members):
        if is_done():
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {_PATIENCE:g} s: {[member.events for member in members]}")
        member.poll()
