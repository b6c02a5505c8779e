"""What a batch becomes on the topics: results, dead letters, states, and the offsets with where the states lie.

package = Outbound(topics).package({3: batch})
writer.commit(package.writes, lambda offsets: package.offsets(taggers, offsets), consumer.group_metadata())
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from kafka.structs import OffsetAndMetadata, TopicPartition

from stream.kafka.client.transaction import Write
from stream.kafka.tagger.partition import Batch, DeadLetter, PartitionTagger
from stream.kafka.tagger.stream_tagger import Result
from stream.kafka.topics import Topics
from stream.kafka.wire.dead_letters import dead_letter_headers, original_headers

_JSON = [("content-type", b"application/json")]

_KEY_KEPT = 1024
"""Bytes of a key that stay in a letter which is too large: all of a key that can be one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """The writes of a transaction, and what each is of."""

    writes: list[Write]
    topics: Topics
    positions: Mapping[int, int]
    states: Mapping[int, Mapping[str, int]]  # partition -> stream -> which write
    dead: frozenset[int]  # which writes are dead letters

    def state_offsets(self, partition: int, written: Sequence[int]) -> dict[str, int]:
        """Return the offset of each state of a partition, given the offset of each write."""
        return {stream: written[index] for stream, index in self.states[partition].items()}

    def offsets(self, taggers: Mapping[int, PartitionTagger], written: Sequence[int]) -> dict[Any, Any]:
        """Return what is to be committed for the group, given the offset of each write."""
        found = {}
        for partition, position in self.positions.items():
            metadata = taggers[partition].metadata(self.state_offsets(partition, written))
            found[TopicPartition(self.topics.input, partition)] = OffsetAndMetadata(position, metadata)
        return found


class Outbound:
    """Turns batches into writes."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self._largest = sys.maxsize  # of a dead letter, in bytes
        self._is_learning = False

    def package(self, batches: Mapping[int, Batch]) -> Package:
        """Return the writes of a transaction with these batches, by partition."""
        writes: list[Write] = []
        states: dict[int, dict[str, int]] = {}
        letters: set[int] = set()
        for partition, batch in batches.items():
            writes += [self._result(partition, result) for result in batch.results]
            for dead in batch.dead:
                letters.add(len(writes))
                writes.append(self._dead_letter(partition, dead))
            states[partition] = {}
            for stream, value in batch.states.items():
                states[partition][stream] = len(writes)
                writes.append(Write(self.topics.state, stream.encode(), value, partition=partition))
        positions = {partition: batch.position for partition, batch in batches.items()}
        return Package(writes, self.topics, positions, states, frozenset(letters))

    def shorten(self, package: Package, index: int) -> None:
        """Note that the broker finds a write too large: if it is a dead letter, none will be that large any more."""
        if index in package.dead:
            weight = _weight(package.writes[index])
            # The first may be just over the limit, for our headers. Where there are more, each would cost a
            # transaction: the limit must be found in a few steps.
            self._largest = min(self._largest, weight * 3 // 4 if self._is_learning else weight - 1)
            self._is_learning = True

    def _result(self, partition: int, result: Result) -> Write:
        value = {
            **result.record.to_json(),
            "input": {
                "partition": partition,
                "first_offset": result.first_offset,
                "last_offset": result.last_offset,
                "session": result.session,
            },
        }
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return Write(self.topics.output, result.record.stream.encode(), data, headers=list(_JSON))

    def _dead_letter(self, partition: int, dead: DeadLetter) -> Write:
        record = dead.record
        headers = dead_letter_headers(
            [] if record is None else record.headers,
            topic=self.topics.input,
            partition=partition,
            offset=dead.offset,
            stage=dead.error.stage,
            class_name="stream.kafka.chunks",  # a name that consumers filter by, wherever the code stands
            error=dead.error,
            timestamp_ms=None if record is None else record.timestamp,
        )
        letter = Write(
            self.topics.dead_letters,
            key=None if record is None else record.key,
            value=None if record is None else record.value,
            headers=headers,  # with the record's time: as the letter's own, retention would delete an old one at once
        )
        if letter.key is None and letter.value is None:
            return dataclasses.replace(letter, value=b"")  # kafka-python sends no record without either
        if _weight(letter) > self._largest:
            letter = dataclasses.replace(letter, key=(letter.key or b"")[:_KEY_KEPT], value=None)
        if _weight(letter) > self._largest:  # the headers, then: what we say of the record is what counts
            kept = len(original_headers([] if record is None else record.headers))
            letter = dataclasses.replace(letter, headers=headers[kept:])
        return letter


def _weight(write: Write) -> int:
    """Return about how many bytes a write takes: two more for each header, of which there may be many."""
    headers = sum(len(name.encode()) + len(value) + 2 for name, value in write.headers)
    return len(write.key or b"") + len(write.value or b"") + headers
