"""The consumer of the Kafka deployment: records in, one transaction a batch out, nothing lost and nothing twice.

    tagger = Tagger(clients, topics, new_session, outlet, metrics, readiness, watchdog, options, stop)
    tagger.run()                                   # until a stop; StreamError where it cannot go on

One thread does all: it polls, restores what it was given, scores within a time budget, and commits results, states,
dead letters and offsets together. What it has in memory is always what the committed state says; after any error of a
transaction it throws all of it away and reads it again.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stream.common.stop import Stop
from stream.kafka.backlog import Backlog
from stream.kafka.batch import Batch
from stream.kafka.client.input import Corrupt, Gone, InputConsumer
from stream.kafka.client.transaction import TransactionalWriter, TransactionError
from stream.kafka.partition import PartitionTagger
from stream.kafka.readiness import Readiness
from stream.kafka.report import Report
from stream.kafka.restore import Restorer
from stream.kafka.stream_tagger import NewSession
from stream.kafka.watchdog import Watchdog
from stream.kafka.wire.chunks import ChunkError
from stream.kafka.writes import Outbound

if TYPE_CHECKING:  # imported with the HTTP side only
    from stream.metrics.metrics import KafkaMetrics

logger = logging.getLogger(__name__)

_WORK_SECONDS = 1.0  # of scoring between two polls: the group must hear from us however long the backlog
_IDLE_POLL_SECONDS = 0.25
_MAX_BYTES = 32 * 2**20  # of records in a transaction, which must not take longer than the broker waits for it
_RETRY_SECONDS = (0.1, 5.0)


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
        self._failures = 0

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
        self._failures = 0
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
        first, most = _RETRY_SECONDS
        self._stop.wait(min(most, first * 2**self._failures))
        self._failures += 1
