"""Keeps kafka-python's consumer going past data that cannot be read, and says what was passed over.

    damage = Damage(consumer)                  # before the first poll
    damage.unpark()                            # before each
    consumer.poll(...)                         # neither raises for damaged data nor spins on it
    for each in damage.skipped(): ...          # what it passed over, since the last call

Left alone, the consumer raises once for a damaged batch, at a poll that may be the one after, and forgets even that if
the partition was paused in between. It keeps the spent iterator, and the next poll that finds it loops for ever inside
the call, so it is too late to catch anything. Therefore the iterator over the batches of a fetch is replaced: it goes
on behind the damaged batch by itself, and its neighbours come in the same poll.

It also forgets a partition that was paused with records left over: they are set aside, and come back only into an empty
place, which the spent records of another keep for ever; nor is the partition fetched meanwhile.

Used of kafka-python's insides: the fetcher's ``_parse_fetched_data``, ``PartitionRecords`` with ``_unpack_records``,
``_next_partition_records``, ``_paused_partition_records`` and ``_subscriptions``; the coordinator's
``_heartbeat_enabled``, ``rejoining`` and ``stable``. The tests of fault 4 fail if they change.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, KafkaError, OffsetOutOfRangeError, UnknownError, UnsupportedCodecError

logger = logging.getLogger(__name__)

_LONGEST_BATCH = 2**20
"""Records that a batch can hold, at most: a damaged header may claim more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Corrupt:
    """Records that cannot be read and are passed over: those from ``offset`` on, up to ``next_offset``."""

    partition: int
    offset: int
    next_offset: int
    error: str


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """A fetch at ``offset`` that the broker answers with an error; ``error`` None: the log has no such offset."""

    partition: int
    offset: int
    error: str | None


class Damage:
    """What a consumer could not read."""

    def __init__(self, consumer: Any) -> None:
        """Make a consumer (``KafkaConsumer``) tolerant."""
        self._skipped: list[Corrupt] = []
        self._refused: list[Refused] = []
        self._consumer = consumer
        self._fetcher = consumer._fetcher
        self._coordinator = consumer._coordinator
        self._parse = self._fetcher._parse_fetched_data
        self._fetcher._parse_fetched_data = self._parse_or_note
        self._fetcher.PartitionRecords = lambda *args, **kwargs: _Records(self._skipped, *args, **kwargs)

    def unpark(self) -> None:
        """Let partitions that were resumed go on with what was set aside, each in its turn."""
        fetcher = self._fetcher
        current, parked = fetcher._next_partition_records, fetcher._paused_partition_records
        if current is None:
            return
        if not current:
            fetcher._next_partition_records = None
        elif any(not fetcher._subscriptions.is_paused(tp) for tp in parked):
            parked[current.topic_partition] = current  # to the end of the queue
            fetcher._next_partition_records = None

    def skipped(self) -> list[Corrupt]:
        """Return what was passed over since the last call."""
        found = self._skipped[:]
        del self._skipped[: len(found)]
        return found

    def refused(self) -> list[Refused]:
        """Return the fetches that failed since the last call; their partitions are paused, or a poll would not end."""
        found = self._refused[:]
        del self._refused[: len(found)]
        return found

    @property
    def is_fenced(self) -> bool:
        """Another process has taken this static member's name: kafka-python stops its heartbeats and says nothing."""
        coordinator = self._coordinator
        is_joining = coordinator.rejoining or coordinator.need_rejoin()
        return bool(coordinator.stable() and not is_joining and not coordinator._heartbeat_enabled)

    def _parse_or_note(self, completed: Any) -> Any:
        try:
            return self._parse(completed)
        except OffsetOutOfRangeError:
            self._note(completed, None)
        except KafkaError as error:
            if not isinstance(error, CorruptRecordError | UnknownError) and type(error) is not KafkaError:
                raise  # not allowed, and the like: it is not the data
            self._note(completed, _say(error))
        return None

    def _note(self, completed: Any, error: str | None) -> None:
        self._consumer.pause(completed.topic_partition)
        self._refused.append(Refused(completed.topic_partition.partition, completed.fetched_offset, error))


class _Batches:
    """The batches of a fetch; knows the last that it gave, and the one after."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self._ahead: Any = None
        self.last: Any = None

    def next_batch(self) -> Any:
        batch, self._ahead = self._ahead or self._records.next_batch(), None
        self.last = batch
        return batch

    def following(self) -> Any:
        """Return the next batch without taking it, or None."""
        if self._ahead is None:
            self._ahead = self._records.next_batch()
        return self._ahead


class _Records(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The records of one partition in one fetch, without those that cannot be read."""

    def __init__(self, skipped: list[Corrupt], *args: Any, **kwargs: Any) -> None:
        self._skipped = skipped
        self.next_fetch_offset: int
        super().__init__(*args, **kwargs)

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        batches = _Batches(records)
        while True:
            try:
                yield from super()._unpack_records(tp, batches, *deserializers)
            except UnsupportedCodecError:
                raise  # the data are well; a library is missing here
            # Damaged bytes raise anything: a failed checksum, but also errors of struct, a codec or an index.
            except Exception as error:
                if self._pass_over(batches, error):
                    continue
                self.drain()
            return

    def _pass_over(self, batches: _Batches, error: Exception) -> bool:
        """Go on behind the damaged batch; False: nothing behind it can be found in this fetch."""
        begin = max(self.fetch_offset, self.next_fetch_offset)
        batch, following, is_lost = batches.last, None, False
        try:
            following = batches.following()
        except Exception:  # as above: nor can what comes next be read, and where it would end is unknown
            is_lost = True
        ends = [following.base_offset] if following is not None else []
        ends += [batch.next_offset] if batch is not None else []
        end = min((each for each in ends if begin < each <= begin + _LONGEST_BATCH), default=begin + 1)
        self.next_fetch_offset = end
        self._skipped.append(Corrupt(self.topic_partition.partition, begin, end, _say(error)))
        return not is_lost


def _say(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
