"""What a batch becomes on the topics: results, dead letters, states, and the offsets with where the states lie.

package = Outbound(topics, group="moodstream").package({3: batch})
writer.commit(package.writes, lambda offsets: package.offsets(taggers, offsets), consumer.group_metadata())
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kafka.structs import OffsetAndMetadata, TopicPartition

from stream.kafka.batch import Batch, DeadLetter
from stream.kafka.dead_letters import dead_letter_headers
from stream.kafka.partition import PartitionTagger
from stream.kafka.stream_tagger import Result
from stream.kafka.topics import Topics
from stream.kafka.transaction import Write

_JSON = [("content-type", b"application/json")]

_Origin = tuple[int, int]  # partition and offset


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """The writes of a transaction, and what each is of."""

    writes: list[Write]
    topics: Topics
    positions: Mapping[int, int]
    states: Mapping[int, Mapping[str, int]]  # partition -> stream -> which write
    origins: Mapping[int, _Origin]  # write -> the dead letter's record

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

    def origin(self, write: int) -> _Origin | None:
        """Return which record a write is the dead letter of, or None if it is none."""
        return self.origins.get(write)


class Outbound:
    """Turns batches into writes."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self._too_large: set[_Origin] = set()

    def package(self, batches: Mapping[int, Batch]) -> Package:
        """Return the writes of a transaction with these batches, by partition."""
        writes: list[Write] = []
        states: dict[int, dict[str, int]] = {}
        origins: dict[int, _Origin] = {}
        for partition, batch in batches.items():
            writes += [self._result(partition, result) for result in batch.results]
            for dead in batch.dead:
                origins[len(writes)] = (partition, dead.offset)
                writes.append(self._dead_letter(partition, dead))
            states[partition] = {}
            for stream, value in batch.states.items():
                states[partition][stream] = len(writes)
                writes.append(Write(self.topics.state, stream.encode(), value, partition=partition))
        positions = {partition: batch.position for partition, batch in batches.items()}
        return Package(writes, self.topics, positions, states, origins)

    def shorten(self, origin: _Origin | None) -> None:
        """Leave the value out of a dead letter that the broker finds too large."""
        if origin is not None:
            self._too_large.add(origin)

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
            class_name="stream.kafka.chunks",
            error=dead.error,
        )
        key = None if record is None else record.key
        value = None if record is None or (partition, dead.offset) in self._too_large else record.value
        if key is None and value is None:
            value = b""  # kafka-python sends no record without either
        return Write(
            self.topics.dead_letters,
            key,
            value,
            headers=headers,
            timestamp_ms=None if record is None or record.timestamp < 0 else record.timestamp,
        )
