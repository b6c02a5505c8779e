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

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError

from stream.common.retry import Throttle
from stream.kafka.client.input import InputConsumer
from stream.kafka.client.workarounds import Damage

logger = logging.getLogger(__name__)

_FETCH_WAIT_MS = 100
_METADATA_MS = 30_000
_MAX_RECORDS = 5_000
_STALLED_SECONDS = 2.0
_LOST_SECONDS = 30.0  # a new leader may take a while to know of what its log holds
_CALL_MS = 1_000

States = dict[bytes, tuple[int, bytes | None]]


@dataclasses.dataclass(slots=True)
class _Task:
    start: int
    end: int
    states: States
    moved_at: float
    position: int
    is_last_look: bool = False
    short_since: float | None = None


class StateReader:
    """Reads partitions of one compacted topic; for one thread."""

    def __init__(self, config: dict[str, Any], topic: str) -> None:
        """Connect.

        Args:
            config: what every client is given: ``Connection.config()``.
            topic: to read.

        Raises:
            KafkaError: no broker answers, or none accepts the user (see ``connect``).
        """
        self._topic = topic
        self._consumer: Any = KafkaConsumer(
            **config,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            metadata_max_age_ms=_METADATA_MS,
        )
        self._damage = Damage(self._consumer)
        self._tasks: dict[int, _Task] = {}
        self.cut: dict[int, int] = {}
        """Where partitions ended that are shorter than what was to be read, until their next ``begin``."""

    def begin(self, partition: int, start: int, end: int) -> None:
        """Begin to read a partition, anew if it had begun.

        Args:
            partition: its number.
            start: offset of the first record that counts; if it is no longer there, the first that is.
            end: offset behind the last one.
        """
        self.cancel(partition)
        self.cut.pop(partition, None)
        self._tasks[partition] = _Task(start, end, {}, time.monotonic(), start)
        if start < end:
            self._assign()
            self._consumer.seek(self._tp(partition), start)

    def has(self, partition: int) -> bool:
        """Say whether the topic has this partition, as far as was heard: a new one is known within half a minute."""
        return partition in (self._consumer.partitions_for_topic(self._topic) or ())

    def cancel(self, partition: int) -> None:
        """Let go of a partition."""
        if self._tasks.pop(partition, None) is not None:
            self._assign()

    def poll(self, timeout_s: float) -> dict[int, States]:
        """Return the partitions that are read to their end since the last call: last offset and value of each key.

        Args:
            timeout_s: how long to wait for records, seconds; with 0 what has come is taken and more is asked for.
        """
        done = {partition: task.states for partition, task in self._tasks.items() if task.start >= task.end}
        if len(done) < len(self._tasks):
            done |= self._read(timeout_s)
        for partition in done:
            del self._tasks[partition]
        if done:
            self._assign()
        return done

    def close(self) -> None:
        """Close the connections."""
        self._tasks.clear()
        self._consumer.close(autocommit=False, timeout_ms=_CALL_MS)

    def _read(self, timeout_s: float) -> dict[int, States]:
        self._damage.unpark()
        try:
            found = self._consumer.poll(timeout_ms=round(1000 * timeout_s), max_records=_MAX_RECORDS)
        except LogTruncationError as error:
            for tp in error.divergent_offsets:
                self._restart(tp.partition)
            return {}
        except KafkaError as error:
            logger.debug("the states cannot be read yet: %r", error)  # the broker is away: the next call tries on
            return {}
        for tp, records in found.items():
            task = self._tasks[tp.partition]
            for record in records:
                if record.offset < task.end and record.key is not None:
                    task.states[record.key] = (record.offset, record.value)
        for each in self._damage.skipped():
            text = "states %d to %d of partition %d cannot be read, their streams begin anew: %s"
            logger.error(text, each.offset, each.next_offset - 1, each.partition, each.error)
        for refused in self._damage.refused():
            if refused.partition in self._tasks:
                self._consumer.resume(self._tp(refused.partition))
                if refused.error is None:
                    self._restart(refused.partition)
        return {
            partition: task.states for partition, task in list(self._tasks.items()) if self._is_done(partition, task)
        }

    def _is_done(self, partition: int, task: _Task) -> bool:
        tp = self._tp(partition)
        if task.start >= task.end:
            return False  # it was empty: reported by the caller
        position = self._position(tp, task)
        if position >= task.end:
            return True
        now = time.monotonic()
        if position != task.position:
            task.position, task.moved_at, task.is_last_look = position, now, False
        elif task.is_last_look:
            # An answer to a fetch has come since, and it was empty: compaction left nothing up to the end.
            return self._consumer.highwater(tp) is not None
        elif now >= task.moved_at + _STALLED_SECONDS:
            task.moved_at = now
            self._look_again(tp, task)
        return False

    def _position(self, tp: TopicPartition, task: _Task) -> int:
        try:
            position = self._consumer.position(tp, timeout_ms=0)
        except KafkaError:
            return task.position  # the next call says it again
        return task.position if position is None else int(position)

    def _look_again(self, tp: TopicPartition, task: _Task) -> None:
        """Nothing came for long: fetch once more if all is committed up to the end (an open transaction is awaited)."""
        try:
            end = self._consumer.end_offsets([tp], timeout_ms=_CALL_MS)[tp]
        except KafkaError:
            return
        highwater = self._consumer.highwater(tp)
        if highwater is None or highwater >= task.end:
            task.short_since = None
        elif task.short_since is None:
            task.short_since = task.moved_at
        elif task.moved_at >= task.short_since + _LOST_SECONDS:
            text = "the states of partition %d end at %d, not at %d: the topic was made anew, or a broker lost its end"
            logger.error(text, tp.partition, highwater, task.end)
            task.end = self.cut[tp.partition] = task.position
        if end >= task.end and task.position < task.end:
            # A partition that is given up and taken again knows of no answer, so the next one can be told.
            self._assign(without=tp)
            self._assign()
            self._consumer.seek(tp, task.position)
            task.is_last_look = True

    def _restart(self, partition: int) -> None:
        """Begin at the first record that is there: what was deleted has later values, or none that count."""
        tp = self._tp(partition)
        try:
            begin = int(self._consumer.beginning_offsets([tp], timeout_ms=_CALL_MS)[tp])
            self._consumer.seek(tp, begin)
        except KafkaError as error:
            logger.debug("the first state is not known yet: %r", error)  # the next fetch is refused again
            return
        task = self._tasks[partition]
        task.states.clear()
        task.position, task.moved_at = begin, time.monotonic()
        if begin < task.start:  # the log lost its end: there is nothing of ours
            self._consumer.seek(tp, max(begin, task.end))

    def _assign(self, without: TopicPartition | None = None) -> None:
        wanted = {self._tp(partition) for partition, task in self._tasks.items() if task.start < task.end} - {without}
        if wanted != self._consumer.assignment():
            self._consumer.assign(sorted(wanted))

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


_ASK_SECONDS = 0.25


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
        self._throttle = Throttle(again_after=30.0)

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
            try:
                if not self._reader.has(partition):
                    self._miss(partition)
                    continue
                found = self._look_up(partition)
            except KafkaError as error:  # also of the reader's question: the broker may be away
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
        if self._throttle.allows():
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
