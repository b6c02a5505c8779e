"""One transaction a batch: writes and the group's offsets, all of it or nothing.

    writer = TransactionalWriter(connection.config(), "moodstream-member-1")
    written = writer.commit(writes, lambda offsets: {TopicPartition("audio.chunks", 0): ...}, consumer.group_metadata())
    writer.close()

Three faults of kafka-python are kept out here. A batch that expires, or is refused while a commit flushes, does not
fail the commit: so all is flushed and each result looked at before the offsets are sent. After an abort for a stale
generation the producer would send the stale offsets with its next transaction: so a writer that failed once takes
nothing more, and its caller makes a new one and restores all its state.

Used of kafka-python's insides: the producer's ``_transaction_manager`` (sending offsets, committing and aborting with
a time-out, which its own calls lack), its ``_sender`` and ``_closed`` (to end without waiting for batches).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaProducer, errors

from model.files import one_line
from stream.common.errors import StreamError
from stream.kafka.client import workarounds
from stream.kafka.client.connection import construct

PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "retry_backoff_ms": 20,  # also how long a transaction waits for the end of the one before: 100 ms unless lowered
    "reconnect_backoff_max_ms": 1000,
    "transaction_timeout_ms": 15_000,  # so long may what a dead process left hold back the readers
    "delivery_timeout_ms": 10_000,  # before the transaction is over
    "request_timeout_ms": 6_000,  # at most the delivery's
    "max_block_ms": 10_000,
    "linger_ms": 5,  # flush() ends it; without, the first write of each partition goes alone
    "batch_size": 256 * 1024,
    "max_request_size": 32 * 2**20,  # what is too large is for the broker to say
    "allow_auto_create_topics": False,
}
"""What the producer is told besides the connection, which may override it."""

_MARGIN_S = 2.0  # the commit is given up so long before the coordinator gives up the transaction
_ABORT_S = 1.0
_CLOSE_S = 1.0

_FENCED = (errors.ProducerFencedError, errors.InvalidProducerEpochError)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One record to be written; without a partition the key chooses it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)
    partition: int | None = None
    timestamp_ms: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class TransactionError(Exception):
    """A transaction was aborted, or nobody knows: make a new writer and restore all state from what is committed.

    Attributes:
        too_large: index of the write that the broker finds too large, or None if that is not the reason.
    """

    def __init__(self, message: str, too_large: int | None = None) -> None:
        super().__init__(message)
        self.too_large = too_large


class FencedError(StreamError):
    """Another process has taken this one's identity: this one must end."""

    exit_code = 3


class TransactionalWriter:
    """A transactional producer that is used for one transaction after the other until the first error."""

    def __init__(self, config: Mapping[str, Any], transactional_id: str) -> None:
        """Connect, and end whatever an earlier producer of the same id left open.

        Args:
            config: keyword arguments of a KafkaProducer; they override :data:`PRODUCER`.
            transactional_id: the identity; a second writer with it ends the first.

        Raises:
            TransactionError: no broker answers in time; try again.
            FencedError: another producer with this id began at the same time.
            StreamError: the broker does not let this user do it.
        """
        merged = {**PRODUCER, **config}
        self._id = transactional_id
        self._timeout_s: float = merged["transaction_timeout_ms"] / 1000
        self._budget_s: float = max(self._timeout_s - _MARGIN_S, self._timeout_s / 2)
        self._producer: Any = None
        self._began = _now()
        self._is_usable = True
        with self._translated("opening a transactional producer"):
            self._producer = construct(KafkaProducer, **merged, transactional_id=transactional_id)
            try:
                self._producer.init_transactions()
            except BaseException:  # of any kind: nobody else can close it, and it is raised again
                self.close()
                raise

    def commit(
        self,
        writes: Sequence[Write],
        offsets: Callable[[Sequence[int]], Mapping[Any, Any]],
        group: Any,
    ) -> list[int]:
        """Write records and commit offsets in one transaction; returns within the transaction's time-out.

        Args:
            writes: the records.
            offsets: called with the offset of each write once all are in the log; returns
                ``{TopicPartition: OffsetAndMetadata}`` to commit for the group.
            group: ``consumer.group_metadata()``, taken after the poll that brought the records.

        Returns:
            The offset of each write.

        Raises:
            TransactionError: nothing is committed, or nobody knows. This writer takes nothing more.
            FencedError: another process has this one's identity.
            StreamError: the broker does not let this user write.
        """
        if not self._is_usable:
            raise TransactionError("this writer failed before: make a new one")
        self._began = _now()
        with self._translated("beginning a transaction"):
            self._producer.begin_transaction()
        written = self._write(writes)
        with self._translated("computing the offsets"):
            to_commit = dict(offsets(written))
        if to_commit:
            with self._translated("sending the offsets"):
                workarounds.send_offsets(self._producer, to_commit, group, self._left())
        with self._translated("committing"):
            workarounds.commit(self._producer, self._left())
        return written

    def close(self) -> None:
        """End within about a second and never raise; what is not committed never was."""
        self._is_usable = False
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # A graceful close would first wait for batches that may never arrive, and raise and leave its thread behind.
        # Exceptions of any kind: nothing that a dying client says may keep its successor from starting.
        with contextlib.suppress(Exception):
            workarounds.force_close(producer)
        with contextlib.suppress(Exception):
            producer.close(timeout=_CLOSE_S / 2)
        workarounds.forget(producer)

    def _write(self, writes: Sequence[Write]) -> list[int]:
        futures: list[Any] = []
        with self._translated("writing"):
            try:
                for write in writes:
                    futures.append(self._send(write))
            except _TOO_LARGE as error:
                raise self._failed(f"write {len(futures)} is too large: {one_line(error)}", len(futures)) from error
            self._producer.flush(self._left())
            failures = [(index, future.exception) for index, future in enumerate(futures) if future.exception]
            # The first large one fails all that was not sent yet with its own error: so the largest is the one.
            large = [index for index, error in failures if isinstance(error, _TOO_LARGE)]
            if large:
                worst = max(large, key=lambda index: writes[index].size)
                said = f"write {worst} ({writes[worst].size} bytes to {writes[worst].topic}) is too large"
                raise self._failed(f"{said}: {one_line(dict(failures)[worst])}", worst)
            found = [future.get(0).offset for future in futures]
            if any(offset < 0 for offset in found):  # a repetition that the broker knows, but not where it is
                raise self._failed("the broker did not say where a record was written")
            return found

    def _send(self, write: Write) -> Any:
        return self._producer.send(
            write.topic,
            key=write.key,
            value=write.value,
            headers=list(write.headers),
            partition=write.partition,
            timestamp_ms=write.timestamp_ms,
        )

    def _left(self) -> float:
        return max(0.0, self._budget_s - (_now() - self._began))

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turn what goes wrong into one of our errors, with the transaction aborted where that is possible."""
        try:
            yield
        except TransactionError:
            raise
        except (errors.KafkaError, ValueError, AssertionError) as error:  # ValueError: no such partition, no member
            raise self._judge(doing, error) from error
        except BaseException:  # of the caller's own: the transaction must not stay open for all that
            self._failed(doing)
            raise

    def _judge(self, doing: str, error: Exception) -> Exception:
        # Of several, the producer keeps the reason and raises "we are in an error state".
        manager = getattr(self._producer, "_transaction_manager", None)
        known = [error, manager.last_error if manager else None]
        failed = self._failed(f"{doing}: {one_line(known[1] or error)}")
        if any(isinstance(each, errors.FencedInstanceIdError) for each in known):
            return FencedError("another process has this one's --group-instance-id: each needs its own")
        if any(isinstance(each, _FENCED) for each in known):
            # The coordinator says the same when it gave up a transaction of ours that took too long (a process that
            # was stopped for a while); earlier than that it can only be another producer.
            if _now() - self._began < self._timeout_s:
                return FencedError(f"another process has taken the transactional id {self._id}: this one ends")
            return self._failed(f"{doing}: the transaction took longer than {self._timeout_s:g} s")
        if any(isinstance(each, errors.AuthorizationError) for each in known):
            return StreamError(f"the broker does not let this user use Kafka as needed ({doing}): {one_line(error)}")
        return failed

    def _failed(self, message: str, too_large: int | None = None) -> TransactionError:
        """Abort, if that can be done in a moment, and return the error."""
        if self._is_usable and self._producer is not None:
            # Of any kind: an abort that is not possible (any more) is left to the next writer or the coordinator.
            with contextlib.suppress(Exception):
                workarounds.abort(self._producer, _ABORT_S)
        self._is_usable = False
        return TransactionError(message, too_large)


def _now() -> float:
    """Return seconds that run on while the machine sleeps, where there are such."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    now: float = time.clock_gettime(clock)
    return now
