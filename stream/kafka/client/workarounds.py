"""Every place where kafka-python (3.0.12) is kept from its faults by reaching into it.

Each fault, what mends it, the tests that fail without it, and when it can go:

- a damaged batch makes ``poll`` spin for ever: `Damage` (test_damage.py), until ``poll`` raises once and goes on;
- left-over records of a paused partition are forgotten: `Damage.unpark` (test_input.py), until pausing keeps them;
- a join ends with the poll that began it: `keep_joins` (test_input.py), until a join outlives a poll;
- a position of an old leader is believed: `keep_leadership` (test_input.py), until the answer is to seek;
- a refused position is asked for again and again: `Refusals` (test_input.py), until ``poll`` raises it once;
- commit and abort wait without an end: `commit`, `send_offsets`, `abort` (test_transaction_outages.py), until they take
  a time-out;
- a producer does not close while a broker is away: `force_close`, `forget` (test_publish_outages.py), until ``close``
  keeps its time-out.

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
import time
from collections.abc import Collection, Iterable
from typing import Any

from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import MemberState
from kafka.errors import (
    CorruptRecordError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    OffsetOutOfRangeError,
    UnknownError,
    UnsupportedCodecError,
)
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from stream.kafka.client.offsets import OffsetClient


def keep_joins(consumer: Any) -> None:
    """Let a consumer (``KafkaConsumer``) use the answers that come between its polls, and end what it began."""
    coordinator = consumer._coordinator
    is_wanted = coordinator.need_rejoin
    join = coordinator._do_join_and_sync_async
    kept: list[tuple[Any, Any]] = []  # the last answer, and the generation that it is of

    async def join_or_take() -> Any:
        if kept and coordinator.state is MemberState.REBALANCING:
            generation, answer = kept.pop()
            if coordinator._generation is generation:
                kept.append((generation, answer))  # until it is taken: the state is STABLE then
                return answer
        kept.clear()
        answer = await join()
        kept.append((coordinator._generation, answer))
        return answer

    coordinator._do_join_and_sync_async = join_or_take
    coordinator.need_rejoin = lambda: coordinator.rejoining or is_wanted()


def keep_leadership(consumer: Any) -> None:
    """Let a consumer (``KafkaConsumer``) that came back as its group's leader do what leaders do."""
    coordinator = consumer._coordinator
    if coordinator.group_instance_id is None:
        return
    take_answer = coordinator._process_join_group_response
    join = coordinator._do_join_and_sync_async
    leaders: list[bool] = []  # of the answer that came last: whether it names the member that we were before

    def take_and_look(response: Any, sent_at: float) -> Any:
        response = take_answer(response, sent_at)
        ours = f"{coordinator.group_instance_id}-"  # the broker puts it before a random part
        leaders[:] = [response.leader != response.member_id and response.leader.startswith(ours)]
        return response

    async def join_and_lead() -> Any:
        answer = await join()
        if any(leaders):
            shared_out = await _shared_out(coordinator)
            coordinator._is_leader = True
            coordinator._assignment_snapshot = shared_out
        return answer

    coordinator._process_join_group_response = take_and_look
    coordinator._do_join_and_sync_async = join_and_lead


async def _shared_out(coordinator: Any) -> dict[str, set[int]]:
    """Return the partitions that members have, by topic; none where that is not to be had: all is shared out anew."""
    found: dict[str, set[int]] = {topic: set() for topic in coordinator._subscription.group_subscription()}
    request = DescribeGroupsRequest(groups=[coordinator.group_id])
    try:
        await coordinator._cluster.refresh_metadata()  # what it is compared with
        answer = await coordinator._manager.send(request, node_id=coordinator.coordinator_id)
    except KafkaError:
        return found
    for member in (member for group in answer.groups for member in group.members if member.member_assignment):
        for topic, partition in ConsumerProtocolAssignment.decode(member.member_assignment).partitions():
            found.setdefault(topic, set()).add(partition)
    return found


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

    def __init__(self, consumer: Any, offset_client: OffsetClient, topic: str) -> None:
        """Take the consumer, where the partitions of refused fetches are paused, and one that asks for offsets."""
        self._consumer = consumer
        self._offset_client = offset_client
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
        begin, end = (
            self._offset_client.edge(refused.partition, "earliest"),
            self._offset_client.edge(refused.partition, "latest"),
        )
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
        end = self._offset_client.edge(partition, "latest")
        target = min(end, refused.offset + 2 ** (failures - _PATIENCE - 1))
        if target <= refused.offset:
            return None
        self._consumer.seek(tp, target)
        return Corrupt(partition, refused.offset, target, refused.error or "")

    def _hold(self, partition: int) -> None:
        self._consumer.pause(TopicPartition(self._topic, partition))
        self._held[partition] = time.monotonic() + _WAIT_SECONDS


def force_close(producer: Any) -> None:
    """Let a producer's thread end at once: a graceful close first waits for batches that may never arrive."""
    producer._sender.force_close()


def forget(producer: Any) -> None:
    """Keep a closed producer's ``__del__`` from waiting and complaining once more."""
    producer._closed = True


def send_offsets(producer: Any, offsets: Any, group: Any, timeout_s: float) -> None:
    """Send offsets with the transaction: ``send_offsets_to_transaction`` with a time-out.

    Raises:
        KafkaTimeoutError: no answer in time.
    """
    _finish(producer, producer._transaction_manager.send_offsets_to_transaction(offsets, group), timeout_s)


def commit(producer: Any, timeout_s: float) -> None:
    """Commit the transaction: ``commit_transaction`` with a time-out.

    Raises:
        KafkaTimeoutError: no answer in time.
    """
    _finish(producer, producer._transaction_manager.begin_commit(), timeout_s)


def abort(producer: Any, timeout_s: float) -> None:
    """Abort the transaction, if that can be done in time."""
    result = producer._transaction_manager.begin_abort()
    producer._sender.wakeup()
    result.wait(timeout_ms=1000 * timeout_s)


def _finish(producer: Any, result: Any, timeout_s: float) -> None:
    producer._sender.wakeup()
    if not result.wait(timeout_ms=1000 * timeout_s):
        raise KafkaTimeoutError("the broker did not answer in time")
