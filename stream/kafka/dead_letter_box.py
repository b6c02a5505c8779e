"""The topic of dead letters: reads what is in it, and sends letters to where they came from.

    with DeadLetterBox(connection, "audio.chunks.dlq") as box:
        for record in box.records(): ...                             # to the end that the topic has now
        tally = box.resend(stop, reason="model", from_beginning=False, dry_run=False)

How far letters were sent again is the committed offset of the group ``<topic>.resend``, so none is sent twice by
accident. Letters of one reason may be sent apart from the others: how far each reason is beyond the offset stands in
its metadata.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from kafka.structs import OffsetAndMetadata

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.kafka.client.connection import Connection, connect, worded
from stream.kafka.wire.dead_letters import Letter, obstacle, original_headers, original_timestamp, read_letter

_PATIENCE_S = 30.0
"""How long the broker may keep silent."""
_BATCH = 500
_BATCH_BYTES = 32 * 2**20
_MAX_REQUEST_BYTES = 64 * 2**20
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_UNFIT = (*_TOO_LARGE, InvalidRecordError, InvalidTimestampError)
"""What one record is refused for, and those that travel with it are, too."""


@dataclasses.dataclass(slots=True)
class Tally:
    """What became of the letters.

    Attributes:
        sent: letters by reason.
        failed: letters that could not be sent, by why.
        done: letters that had been sent before.
    """

    sent: Counter[str] = dataclasses.field(default_factory=Counter)
    failed: Counter[str] = dataclasses.field(default_factory=Counter)
    done: int = 0


@dataclasses.dataclass(slots=True)
class _Position:
    """How far a partition was sent again: all before ``offset``, and of some reasons all before another one."""

    offset: int
    reasons: dict[str, int]

    @classmethod
    def of(cls, committed: Any) -> _Position:
        if committed is None:
            return cls(0, {})
        try:
            reasons = json.loads(committed.metadata or "{}")
            return cls(committed.offset, {str(reason): int(offset) for reason, offset in reasons.items()})
        except (ValueError, TypeError, AttributeError) as error:  # somebody else's commit, or one by hand
            raise StreamError(
                f"the offsets of the resend group say {committed.metadata!r}, which is not ours: "
                "give --from-beginning, or reset them with kafka-consumer-groups"
            ) from error

    def includes(self, reason: str, offset: int) -> bool:
        return offset < max(self.offset, self.reasons.get(reason, 0))

    def advance(self, reason: str | None, offset: int) -> None:
        if reason is None:
            self.offset = max(self.offset, offset)
            self.reasons = {name: beyond for name, beyond in self.reasons.items() if beyond > self.offset}
        else:
            self.reasons[reason] = max(self.offset, self.reasons.get(reason, 0), offset)

    def committable(self) -> Any:
        return OffsetAndMetadata(self.offset, json.dumps(self.reasons) if self.reasons else "", -1)


class DeadLetterBox:
    """The letters in a topic; errors of Kafka are StreamErrors."""

    def __init__(self, connection: Connection, topic: str) -> None:
        """Open the topic.

        Raises:
            StreamError: no broker answers, or there is no such topic.
        """
        self.topic = topic
        self.group = f"{topic}.resend"
        self._connection = connection
        self._consumer: Any = connect(
            lambda: KafkaConsumer(
                **connection.config(),
                group_id=self.group,
                enable_auto_commit=False,
                isolation_level="read_committed",
                allow_auto_create_topics=False,
            ),
            connection,
        )
        try:
            with _worded("read the letters"):
                self._topics = self._consumer.topics()
                if topic not in self._topics:
                    raise StreamError(f"there is no topic {topic}: python -m stream.topics create makes it")
                numbers = sorted(self._consumer.partitions_for_topic(topic) or ())
                self._partitions = [TopicPartition(topic, number) for number in numbers]
                self._consumer.assign(self._partitions)
                self._begins = self._consumer.beginning_offsets(self._partitions)
                self._ends = self._consumer.end_offsets(self._partitions)
        except BaseException:  # of any kind: nobody else can close it, and it is raised again
            self.close()
            raise

    def records(self) -> Iterator[Any]:
        """Yield the letters (``ConsumerRecord``) up to the end that the topic had when it was opened.

        Raises:
            StreamError: the broker refuses, or keeps silent.
        """
        with _worded("read the letters"):
            for partition in self._partitions:
                self._consumer.seek(partition, self._begins[partition])
            heard = time.monotonic()
            while any(self._consumer.position(each) < self._ends[each] for each in self._partitions):
                polled = self._consumer.poll(500, max_records=_BATCH)
                if polled:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _PATIENCE_S:
                    raise StreamError(f"{self._connection} sends no more of the topic {self.topic}: try again")
                for partition, records in polled.items():
                    yield from (record for record in records if record.offset < self._ends[partition])

    def resend(self, stop: Stop, *, reason: str | None, from_beginning: bool, dry_run: bool) -> Tally:
        """Send letters to the topics that they came from, without what makes them letters.

        A letter is counted as sent when its broker has it. What was sent since the last note of how far it got (some
        hundreds of letters) is sent a second time if the process is killed.

        Args:
            stop: ends it after the letters in hand.
            reason: of the letters to send; None for all.
            from_beginning: those too that were sent before.
            dry_run: count only.

        Raises:
            StreamError: the broker refuses, or keeps silent.
        """
        tally = Tally()
        with _worded("note how far it got"):
            positions = {each: self._position(each, from_beginning=from_beginning) for each in self._partitions}
        producer: Any = None
        try:
            if not dry_run:
                producer = self._producer()
            for batch in _batches(self.records()):
                if stop.requested:
                    break
                self._send(producer, batch, positions, reason, tally)
        finally:
            if producer is not None:
                producer.close(timeout=_PATIENCE_S)
        return tally

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _position(self, partition: Any, *, from_beginning: bool) -> _Position:
        return _Position.of(None if from_beginning else self._consumer.committed(partition, metadata=True))

    def _producer(self) -> Any:
        return connect(
            lambda: KafkaProducer(
                **self._connection.config(),
                acks="all",
                linger_ms=5,
                max_request_size=_MAX_REQUEST_BYTES,
                allow_auto_create_topics=False,
                delivery_timeout_ms=int(1000 * _PATIENCE_S),
                request_timeout_ms=int(1000 * _PATIENCE_S / 2),
                max_block_ms=int(1000 * _PATIENCE_S),
            ),
            self._connection,
        )

    def _send(
        self, producer: Any, batch: list[Any], positions: dict[Any, _Position], reason: str | None, tally: Tally
    ) -> None:
        """Send what is to be sent of a batch, and note how far it got."""
        sent: list[tuple[Any, Letter, Any]] = []
        for record in batch:
            letter = read_letter(record)
            position = positions[TopicPartition(record.topic, record.partition)]
            if reason is not None and letter.reason != reason:
                continue
            if position.includes(letter.reason, record.offset):
                tally.done += 1
            elif why := self._obstacle(letter):
                tally.failed[why] += 1
            elif producer is None:
                tally.sent[letter.reason] += 1
            else:
                sent.append((record, letter, self._post(producer, record, letter)))
        if producer is None:
            return
        with _worded("send the letters"):
            producer.flush()
            for record, letter, future in sent:
                try:
                    future.get(0)
                    tally.sent[letter.reason] += 1
                except _UNFIT:
                    self._send_alone(producer, record, letter, tally)
        for record in batch:
            positions[TopicPartition(record.topic, record.partition)].advance(reason, record.offset + 1)
        with _worded("note how far it got"):
            self._consumer.commit({each: position.committable() for each, position in positions.items()})

    def _obstacle(self, letter: Letter) -> str | None:
        return (
            "it came from the topic of dead letters" if letter.topic == self.topic else obstacle(letter, self._topics)
        )

    def _send_alone(self, producer: Any, record: Any, letter: Letter, tally: Tally) -> None:
        """Send a letter once more, without those that it travelled with: only one of them need be unfit."""
        try:
            future = self._post(producer, record, letter)
            producer.flush()
            future.get(0)
            tally.sent[letter.reason] += 1
        except _TOO_LARGE:
            tally.failed["it is too large for the topic that it came from"] += 1
        except _UNFIT as error:
            tally.failed[f"the broker refuses it: {worded(error)}"] += 1

    def _post(self, producer: Any, record: Any, letter: Letter) -> Any:
        with _worded("send the letters"):
            there = producer.partitions_for(letter.topic)
            return producer.send(
                letter.topic,
                key=record.key,
                value=record.value,
                headers=original_headers(record.headers),
                # Where the others of its stream are, whatever partitioner their publisher has.
                partition=letter.partition if letter.partition in there else None,
                timestamp_ms=original_timestamp(record),
            )


def _batches(records: Iterator[Any]) -> Iterator[list[Any]]:
    """Cut records into lists that fit into memory, whatever their size."""
    batch: list[Any] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.value or b"")
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@contextmanager
def _worded(doing: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise StreamError(f"cannot {doing}: {worded(error)}") from error
