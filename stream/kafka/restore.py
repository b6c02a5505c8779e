"""Finds where a partition stood: the committed offset, and the states of its streams that the state topic holds.

restorer.begin(3)
for found in restorer.poll():          # never waits for long; partitions do not wait for each other
    found.offset, found.states         # None committed: where a new group begins
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from typing import Any, Literal

from kafka.errors import KafkaError

from stream.kafka.client.input import InputConsumer
from stream.kafka.state_reader import StateReader

logger = logging.getLogger(__name__)

_ASK_SECONDS = 0.25
_SAY_AGAIN_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Where a partition stood.

    Attributes:
        partition: its number.
        offset: the first record that was not taken yet.
        committed: the same, or None if the group has committed nothing there.
        states: of the streams that went on: offset in the state topic and value.
        states_end: end of what counts of the state topic.
    """

    partition: int
    offset: int
    committed: int | None
    states: dict[str, tuple[int, bytes]]
    states_end: int


class Restorer:
    """Restores partitions side by side."""

    def __init__(self, consumer: InputConsumer, reader: StateReader, start_from: Literal["earliest", "latest"]) -> None:
        """Take the clients, and where a group without offsets begins."""
        self._consumer = consumer
        self._reader = reader
        self._start_from = start_from
        self._asked: dict[int, None] = {}  # whose committed offset is not known yet
        self._reading: dict[int, tuple[int, int]] = {}  # committed offset, end of the states
        self._missed_at = -_SAY_AGAIN_SECONDS

    def __len__(self) -> int:
        return len(self._asked) + len(self._reading)

    def begin(self, partition: int) -> None:
        """Begin with a partition, from the start if it had begun."""
        self.cancel(partition)
        self._asked[partition] = None

    def cancel(self, partition: int) -> None:
        """Let go of a partition."""
        self._asked.pop(partition, None)
        if self._reading.pop(partition, None) is not None:
            self._reader.cancel(partition)

    def poll(self) -> list[Found]:
        """Return the partitions that are found since the last call."""
        done: list[Found] = []
        if self._asked:
            done += self._ask()
        if self._reading:
            for partition, states in self._reader.poll(0.0).items():
                offset, end = self._reading.pop(partition)
                if partition in self._reader.cut:
                    logger.error("partition %d: states that were committed are not in the state topic: was it made "
                                 "anew? The streams begin anew, too", partition)  # fmt: skip
                alive = {
                    key.decode("utf-8", "replace"): (at, value)
                    for key, (at, value) in states.items()
                    if value is not None
                }
                done.append(Found(partition, offset, offset, alive, self._reader.cut.get(partition, end)))
        return done

    def _ask(self) -> list[Found]:
        """Ask for committed offsets, for a moment: one that a dying transaction holds back is asked for again later."""
        done: list[Found] = []
        until = time.monotonic() + _ASK_SECONDS
        for partition in list(self._asked):
            del self._asked[partition]
            if not self._reader.has(partition):
                self._miss(partition)
                continue
            try:
                found = self._look_up(partition)
            except KafkaError as error:
                logger.debug("the committed offset of partition %d is not to be had yet: %r", partition, error)
                self._asked[partition] = None  # behind the others
            else:
                done += [] if found is None else [found]
            if time.monotonic() > until:
                break
        return done

    def _miss(self, partition: int) -> None:
        """Let a partition wait that the state topic does not have (yet); the others go on."""
        self._asked[partition] = None
        if time.monotonic() > self._missed_at + _SAY_AGAIN_SECONDS:
            self._missed_at = time.monotonic()
            logger.error("partition %d waits: the state topic has no such partition, and must have as many as the "
                         "input (python -m stream.topics check)", partition)  # fmt: skip

    def _look_up(self, partition: int) -> Found | None:
        place = self._consumer.committed([partition])[partition]
        if place is None:
            return Found(partition, self._consumer.edge(partition, self._start_from), None, {}, 0)
        start, end = _states_of(place)
        if start >= end:
            return Found(partition, place.offset, place.offset, {}, end)
        self._reader.begin(partition, start, end)
        self._reading[partition] = (place.offset, end)
        return None


def _states_of(place: Any) -> tuple[int, int]:
    """Return where the states lie that were committed with an offset: begin and end in the state topic."""
    try:
        metadata = json.loads(place.metadata or "{}")
        return int(metadata.get("s", 0)), int(metadata.get("e", 0))
    except (ValueError, TypeError, AttributeError):
        logger.error("offset %d was committed by something else: streams begin anew there", place.offset)
        return 0, 0
