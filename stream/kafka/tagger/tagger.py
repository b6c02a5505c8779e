"""The consumer of the Kafka deployment: records in, one transaction a batch out, nothing lost and nothing twice.

    tagger = Tagger(**parts)                       # its parts: see Tagger
    tagger.run()                                   # until a stop; StreamError where it cannot go on

One thread does all: it polls, restores what it was given, scores within a time budget, and commits results, states,
dead letters and offsets together. What it has in memory is always what the committed state says; after any error of a
transaction it throws all of it away and reads it again.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.common.text import count_of
from stream.kafka.client.input import InputConsumer, Polled
from stream.kafka.client.transaction import TransactionalWriter, TransactionError
from stream.kafka.client.workarounds import Corrupt, Gone
from stream.kafka.tagger.partition import Batch, PartitionTagger
from stream.kafka.tagger.restore import Restorer
from stream.kafka.tagger.stream_tagger import NewSession
from stream.kafka.tagger.watchdog import Watchdog
from stream.kafka.tagger.writes import Outbound
from stream.kafka.wire.chunks import ChunkError

if TYPE_CHECKING:
    from stream.metrics.metrics import KafkaMetrics


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


class Readiness:
    """Holds the last word of the tagger. Safe to use from several threads."""

    def __init__(self) -> None:
        """Begin before the group was joined: not ready."""
        self._lock = threading.Lock()
        self._answer = (False, "not in the consumer group yet")

    def update(self, assigned: int, restoring: int, detail: str = "") -> None:
        """Say where the partitions stand.

        Args:
            assigned: partitions that the group gave to this process, those being restored included.
            restoring: how many of them are being restored.
            detail: one line to add, such as what is waited for.
        """
        if assigned <= 0:
            line = "no partition is assigned: a rebalance goes on, or the group has more members than partitions and "
            line += "this one is a standby"
        elif restoring > 0:
            line = f"{restoring} of {assigned} partitions {'is' if restoring == 1 else 'are'} being restored"
        else:
            line = f"{assigned} {'partition' if assigned == 1 else 'partitions'} assigned and restored"
        answer = (assigned > 0 and restoring <= 0, f"{line} ({detail})" if detail else line)
        with self._lock:
            self._answer = answer

    def check(self) -> tuple[bool, str]:
        """Return whether partitions are assigned and all restored, and one line that says how it stands."""
        with self._lock:
            return self._answer


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


_WORK_SECONDS = 1.0  # of scoring between two polls: the group must hear from us however long the backlog
_IDLE_POLL_SECONDS = 0.25
_MAX_BYTES = 32 * 2**20  # of records in a transaction, which must not take longer than the broker waits for it


@dataclasses.dataclass(frozen=True, slots=True)
class TaggerOptions:
    """How the loop works.

    Attributes:
        group: name of the group.
        max_batch: records in a transaction, at most.
        commit_interval: seconds between two transactions, at least, while few records come.
        idle_seconds: see :class:`PartitionTagger`.
        max_streams: see there.
    """

    group: str = "moodstream"
    max_batch: int = 500
    commit_interval: float = 0.1
    idle_seconds: float = 30.0
    max_streams: int = 1000


class Tagger:
    """Scores the partitions that the group gives to this process."""

    def __init__(
        self,
        *,
        consumer: InputConsumer,
        restorer: Restorer,
        make_writer: Callable[[], TransactionalWriter],
        outbound: Outbound,
        new_session: NewSession,
        publish: Callable[[Sequence[Batch], float], None],
        ended: Callable[[str], None],
        metrics: KafkaMetrics | None,
        readiness: Readiness,
        watchdog: Watchdog,
        options: TaggerOptions,
        stop: Stop,
    ) -> None:
        """Take the parts.

        Args:
            consumer: the group's consumer.
            restorer: finds where a partition stood.
            make_writer: makes a new transactional producer.
            outbound: makes the writes of a batch.
            new_session: makes the session of a stream.
            publish: shows the batches of a transaction that is committed (screen, lines, metrics), and is told how
                many seconds of work they took.
            ended: told of streams that are no longer ours.
            metrics: counts, or None.
            readiness: what ``/readyz`` asks.
            watchdog: ends a process that hangs.
            options: how the loop works.
            stop: the wish to end.
        """
        self._consumer = consumer
        self._restorer = restorer
        self._make_writer = make_writer
        self._outbound = outbound
        self._new_session = new_session
        self._publish = publish
        self._ended = ended
        self._report = Report(metrics, outbound.topics.input)
        self._readiness = readiness
        self._watchdog = watchdog
        self._options = options
        self._stop = stop
        self._writer: TransactionalWriter | None = None
        self._partitions: dict[int, PartitionTagger] = {}
        self._backlog = Backlog()
        self._restoring: dict[int, float] = {}  # since when
        self._uncommitted = 0  # records taken since the last transaction
        self._bytes = 0  # of their sound: as dead letters they are written once more
        self._busy = 0.0  # seconds of work since then
        self._committed_at = 0.0
        self._backoff = Backoff(first=0.1, longest=5.0)

    def run(self) -> None:
        """Work until a stop is asked for, and commit what was taken.

        Raises:
            StreamError: another process has this one's identity, or a broker refuses what is needed.
        """
        while not self._stop.requested:
            self._step()
        self._watchdog.beat("committing the last batch")
        self._commit()

    def close(self) -> None:
        """Close the producer; what was not committed never was."""
        self._readiness.update(assigned=0, restoring=0)
        if self._writer is not None:
            self._watchdog.beat("closing the producer")
            self._writer.close()
            self._writer = None

    def _step(self) -> None:
        self._poll()
        # The producer first: a new one ends what the last one left open, and only then is it sure what is committed.
        if self._writer is None and not self._open_writer():
            return
        self._restore()
        self._work()
        if self._is_due():
            self._commit()
        self._report.gauges(self._partitions, self._consumer.end)

    def _poll(self) -> None:
        self._watchdog.beat("asking for records")
        polled = self._consumer.poll(self._poll_seconds(), self._options.max_batch)
        self._report.heartbeat(self._consumer.heartbeat_age)
        if polled.assigned or polled.lost:
            self._report.rebalance(given=polled.assigned, taken=polled.lost)
        for partition in polled.lost:
            self._forget(partition)
        for partition in polled.assigned:
            self._begin(partition)
        self._backlog.extend(polled)
        # Those whose records wait are asked for no more; the poll keeps us in the group all the same.
        self._consumer.pause(self._backlog.waiting)

    def _poll_seconds(self) -> float:
        if self._backlog.waiting:
            return 0.0
        if self._uncommitted and self._consumer.membership() is not None:
            return max(0.0, self._committed_at + self._options.commit_interval - time.monotonic())
        return 0.02 if self._restoring else _IDLE_POLL_SECONDS

    def _begin(self, partition: int) -> None:
        self._forget(partition)
        self._restoring[partition] = time.monotonic()
        self._restorer.begin(partition)

    def _forget(self, partition: int) -> None:
        self._restorer.cancel(partition)
        self._restoring.pop(partition, None)
        self._backlog.forget(partition)
        if tagger := self._partitions.pop(partition, None):
            for stream in tagger.streams:
                self._ended(stream)
        self._report.forgotten(partition)

    def _restore(self) -> None:
        """Take a step with every partition that is being restored; none waits for another."""
        for found in self._restorer.poll():
            self._partitions[found.partition] = PartitionTagger(
                found.partition,
                committed=found.offset,
                states=found.states,
                states_end=found.states_end,
                new_session=self._new_session,
                group=self._options.group,
                idle_seconds=self._options.idle_seconds,
                max_streams=self._options.max_streams,
            )
            self._backlog.open(found.partition)
            seek_to = self._partitions[found.partition].seek_to
            self._consumer.start(found.partition, seek_to, expected=found.committed)
        for partition, began in list(self._restoring.items()):
            tagger = self._partitions.get(partition)
            if tagger and not tagger.is_restored and partition not in self._backlog:
                tagger.caught_up(self._consumer.position(partition) or 0)
            if tagger and tagger.is_restored:
                del self._restoring[partition]
                self._report.restored(partition, time.monotonic() - began, len(tagger.streams))
        if not self._restoring:
            self._report.settled()
        self._readiness.update(assigned=len(self._partitions) + len(self._restorer), restoring=len(self._restoring))

    def _work(self) -> None:
        """Take waiting records, a few of each partition in turn, for as long as the group may wait for us."""
        self._watchdog.beat("scoring")
        began = time.monotonic()
        for partition, item in self._backlog.in_turn():
            self._take(partition, item)
            self._uncommitted += 1
            if partition not in self._backlog:
                self._consumer.resume([partition])
            if self._is_full or time.monotonic() > began + _WORK_SECONDS or self._stop.requested:
                break
        self._busy += time.monotonic() - began
        for partition, tagger in self._partitions.items():
            if partition not in self._backlog:
                tagger.tick()

    def _take(self, partition: int, item: Any) -> None:
        tagger = self._partitions[partition]
        match item:
            case Corrupt():
                self._report.passed_over(partition, item)
                tagger.skip(item.offset, item.next_offset, ChunkError("corrupt", item.error, "KEY_CONVERTER"))
            case Gone():
                self._report.passed_over(partition, item)
                tagger.skip(item.offset, item.next_offset)
            case _:
                tagger.take(item)
                self._bytes += len(item.value or b"")

    @property
    def _is_full(self) -> bool:
        return self._uncommitted >= self._options.max_batch or self._bytes >= _MAX_BYTES

    def _is_due(self) -> bool:
        if self._is_full:
            return True
        has_work = any(tagger.has_work for tagger in self._partitions.values())
        return has_work and time.monotonic() >= self._committed_at + self._options.commit_interval

    def _commit(self) -> None:
        group = self._consumer.membership()
        if group is None:  # the next polls tell what is still ours
            return
        batches = {partition: tagger.collect() for partition, tagger in self._partitions.items() if tagger.has_work}
        self._uncommitted = self._bytes = 0
        if not batches or self._writer is None:
            return
        self._watchdog.beat("committing a transaction")
        began = time.monotonic()
        package = self._outbound.package(batches)
        try:
            offsets = self._writer.commit(
                package.writes,
                lambda written: package.offsets(self._partitions, written),
                group,
            )
        except TransactionError as error:
            self._start_over(error, time.monotonic() - began)
            if error.too_large is not None:
                self._outbound.shorten(package, error.too_large)
            return
        self._committed_at = time.monotonic()
        self._backoff.reset()
        self._report.transaction("committed", self._committed_at - began)
        for partition, batch in batches.items():
            tagger = self._partitions[partition]
            tagger.committed(batch, package.state_offsets(partition, offsets))
            self._consumer.set_expected(partition, batch.position)
            for stream in [name for name, state in batch.states.items() if state is None]:
                self._ended(stream)
        self._publish(list(batches.values()), self._busy)
        self._busy = 0.0

    def _start_over(self, error: TransactionError, seconds: float) -> None:
        """Forget all and read it again: nobody knows what became of the transaction."""
        logger.warning("a transaction failed (%s): all is read again from what was committed", error)
        self._report.transaction("aborted", seconds)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        partitions = [*self._partitions, *(p for p in self._restoring if p not in self._partitions)]
        self._consumer.pause(partitions)
        for partition in partitions:
            self._begin(partition)
        self._wait()

    def _open_writer(self) -> bool:
        self._watchdog.beat("opening a producer")
        try:
            self._writer = self._make_writer()
        except TransactionError as error:
            logger.warning("no producer yet: %s", error)
            self._wait()
            return False
        return True

    def _wait(self) -> None:
        """Wait longer after each failure in a row."""
        self._stop.wait(self._backoff.next())
