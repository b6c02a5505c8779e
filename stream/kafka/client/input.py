"""The consumer of a group: records of the partitions that the group gives to this process, from where they are wanted.

    consumer = InputConsumer(connection.config(), "audio.chunks", options)        # options: ConsumerOptions
    polled = consumer.poll(0.25, 500)
    for partition in polled.lost: ...                       # first forget these,
    for partition in polled.assigned:                       # then begin with these: nothing of them comes until start
        committed = consumer.committed([partition])[partition]
        consumer.start(partition, offset, expected=committed_offset)
    ... after each transaction: consumer.set_expected(partition, offset)

A partition that stays ours over a rebalance keeps its position in memory, whatever others did to it in between. So
after each rebalance the committed offset is compared with the one that the caller expects; where they differ, the
partition counts as lost and newly assigned.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.base import MemberState
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    LogTruncationError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)

from stream.common.errors import StreamError
from stream.kafka.client.offsets import OffsetClient
from stream.kafka.client.transaction import FencedError
from stream.kafka.client.workarounds import Corrupt, Damage, Gone, Refusals, keep_joins, keep_leadership
from stream.settings.kafka import ConsumerOptions

_REASONS: dict[type[Exception], str] = {
    FencedInstanceIdError: "another process has this one's --group-instance-id: give each its own",
    TopicAuthorizationFailedError: "the broker does not let this user read the topic",
    GroupAuthorizationFailedError: "the broker does not let this user join the group: see --group-id",
    AuthorizationError: "the broker does not allow it",
    SaslAuthenticationFailedError: "the broker refuses the user: see --sasl-username",
    InconsistentGroupProtocolError: "the group's other members share partitions another way: see --assignment",
    InvalidSessionTimeoutError: "the broker does not allow this --session-timeout",
    UnsupportedCodecError: "the records are compressed in a way for which a Python package is missing here",
}

FATAL = tuple(_REASONS)


def fatal(error: Exception, topic: str) -> StreamError:
    """Return what to raise for one of ``FATAL``, met while reading a topic; FencedError if another took our place."""
    reason = next(text for kind, text in _REASONS.items() if isinstance(error, kind))
    kind_of = FencedError if isinstance(error, FencedInstanceIdError) else StreamError
    return kind_of(f"topic {topic} cannot be read: {reason} ({type(error).__name__})")


_Hear = Callable[[Iterable[TopicPartition]], None]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Calls one function for partitions that come, and one for those that go, whether given back or lost."""

    def __init__(self, assigned: _Hear, revoked: _Hear) -> None:
        """Take what to call, on kafka-python's own thread."""
        self._assigned = assigned
        self._revoked = revoked

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Pass on what came."""
        self._assigned(assigned)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Pass on what was given back."""
        self._revoked(revoked)

    def on_partitions_lost(self, lost: Any) -> None:
        """Pass on what others may have by now."""
        self._revoked(lost)


@dataclasses.dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought.

    Attributes:
        records: by partition, in the order of their offsets, all later than those of the poll before.
        assigned: partitions newly ours: nothing of them comes before ``start``.
        lost: partitions that are no longer ours, or not what they were: to be forgotten, before ``assigned`` is read.
        corrupt: records that cannot be read and were passed over.
        gone: jumps to where the log goes on, as the records asked for are not there any more.
    """

    records: dict[int, list[Any]]
    assigned: set[int]
    lost: set[int]
    corrupt: list[Corrupt]
    gone: list[Gone]


logger = logging.getLogger(__name__)

__all__ = ["Corrupt", "Gone", "InputConsumer", "Polled"]

_FETCH_WAIT_MS = 100  # a partition that is resumed waits so long for the fetch under way
_METADATA_MS = 30_000  # a topic that grew is noticed
_ENDS_SECONDS = 10.0  # between two looks at the end of partitions that are not being read
_ENDS_MS = 250
_CLOSE_MS = 3_000
_PAUSE_S = 0.1  # after an error, so that the caller's loop does not spin


class InputConsumer:
    """Reads one topic as a member of a group; for one thread."""

    def __init__(self, config: dict[str, Any], topic: str, options: ConsumerOptions) -> None:
        """Join the group, which goes on during the first polls.

        Args:
            config: what every client is given: ``Connection.config()``.
            topic: to read.
            options: of the group.

        Raises:
            KafkaError: no broker answers, or none accepts the user (see ``connect``).
        """
        session_ms = round(1000 * options.session_timeout)
        assignor = RangePartitionAssignor if options.assignment == "range" else CooperativeStickyAssignor
        self._topic = topic
        self._consumer: Any = KafkaConsumer(
            **config,
            group_id=options.group_id,
            group_instance_id=options.group_instance_id,
            partition_assignment_strategy=[assignor],
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(1_000, session_ms // 4),
            max_poll_interval_ms=round(1000 * options.max_poll_interval),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            metadata_max_age_ms=_METADATA_MS,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        self._offset_client = OffsetClient(config, topic, options.group_id)
        self._damage = Damage(self._consumer)
        keep_leadership(self._consumer)
        keep_joins(self._consumer)
        self._refusals = Refusals(self._consumer, self._offset_client, topic)
        self._assigned: set[int] = set()  # given, and not told yet
        self._lost: set[int] = set()  # taken away, and not told yet
        self._owned: set[int] = set()  # what the caller takes for ours
        self._paused: set[int] = set()
        self._expected: dict[int, int | None] = {}  # of those that were started
        self._ends: dict[int, int] = {}
        self._ends_at = time.monotonic()
        self._generation = -1
        self._joined: Any = None  # who we are in the generation whose partitions are told
        self._complaint = ""
        # Joining without knowing the topic's partitions would give us none of them.
        self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe([topic], listener=Listener(self._on_assigned, self._on_revoked))

    def poll(self, timeout_s: float, max_records: int) -> Polled:
        """Return what has come, waiting for it if there is nothing; to be called often, even if all is paused.

        Args:
            timeout_s: how long to wait, seconds. While the group rebalances it may be a little more.
            max_records: records of all partitions together, at most.

        Raises:
            StreamError: what no waiting mends: another process has this one's name, a right is missing.
        """
        records = self._fetch(timeout_s, max_records)
        group = self.group_metadata()
        if group.state is MemberState.STABLE:
            self._joined = group
        generation = self.generation
        if generation not in (-1, self._generation):
            self._generation = generation
            self._check_kept()
        corrupt = self._damage.skipped()
        stepped, gone = self._refusals.handle(self._damage.refused(), self._expected.keys() - self._paused)
        lost, self._lost = self._lost & self._owned, set()
        assigned, self._assigned = self._assigned, set()
        self._owned = self._owned - lost | assigned
        ours = {partition: found for partition, found in records.items() if partition in self._expected}
        self._refusals.read(ours)
        self._look_at_ends()
        return Polled(
            ours,
            assigned,
            lost,
            [each for each in (*corrupt, *stepped) if each.partition in self._expected],
            [each for each in gone if each.partition in self._expected],
        )

    def committed(self, partitions: Iterable[int]) -> dict[int, OffsetAndMetadata | None]:
        """Return what the group has committed, None where it has not; waits for a transaction that is ending.

        Raises:
            KafkaError: no answer within two seconds, or a refusal; to be asked again.
        """
        return {partition: self._offset_client.committed(partition) for partition in partitions}

    def edge(self, partition: int, which: Literal["earliest", "latest"]) -> int:
        """Return the offset of the first record of a partition, or that of the next to come.

        Raises:
            KafkaError: no answer within two seconds; to be asked again.
        """
        return self._offset_client.edge(partition, which)

    def start(self, partition: int, offset: int, *, expected: int | None) -> None:
        """Let the records of a partition come, from an offset on.

        Args:
            partition: one that is ours.
            offset: of the first record wanted.
            expected: the committed offset that this is based on; None: nothing is committed.
        """
        self._expected[partition] = expected
        self._consumer.seek(self._tp(partition), offset)
        self._refusals.forget(partition)
        self.resume([partition])

    def set_expected(self, partition: int, offset: int) -> None:
        """Note the offset that the caller committed."""
        if partition in self._expected:
            self._expected[partition] = offset

    def pause(self, partitions: Iterable[int]) -> None:
        """Let no records of these come until ``resume`` or ``start``; those that are not ours are passed over."""
        ours = {partition for partition in partitions if self._tp(partition) in self._consumer.assignment()}
        self._paused |= ours
        self._consumer.pause(*map(self._tp, ours))

    def resume(self, partitions: Iterable[int]) -> None:
        """Let records of started partitions come again."""
        for partition in set(partitions) & self._expected.keys():
            self._paused.discard(partition)
            if not self._refusals.is_held(partition):
                self._consumer.resume(self._tp(partition))

    def position(self, partition: int) -> int | None:
        """Return the offset after the last record that came, or was passed over; None for one that is not started."""
        if partition not in self._expected:
            return None
        try:
            found = self._consumer.position(self._tp(partition), timeout_ms=0)
        except LogTruncationError as error:
            self._refusals.truncated(error)
            return None
        except KafkaError:
            return None
        return None if found is None else int(found)

    def end(self, partition: int) -> int | None:
        """Return the end of a partition as last heard, without asking: none for one that was not read yet."""
        if partition not in self._owned:
            return None
        ends = [self._ends.get(partition)]
        if self._tp(partition) in self._consumer.assignment():
            ends.append(self._consumer.highwater(self._tp(partition)))
        return max((each for each in ends if each is not None), default=None)

    def heartbeat_age(self) -> float:
        """Return the seconds since the group was last told that we are there; infinite before the first time."""
        return float(self._consumer.metrics()["consumer-coordinator-metrics"]["last-heartbeat-seconds-ago"])

    @property
    def generation(self) -> int:
        """Number of the group's last rebalance, -1 outside the group."""
        return int(self.group_metadata().generation_id)

    def group_metadata(self) -> Any:
        """Return who we are in the group at this moment."""
        return self._consumer.group_metadata()

    def membership(self) -> Any:
        """Return who we are in the group: for ``send_offsets_to_transaction``. None: nothing may be committed now.

        That is so outside the group, where a broker takes the offsets of a member without a name unasked, and when the
        group has joined anew between two polls: the broker would believe us, though what we work on may be another's.
        """
        now, joined = self.group_metadata(), self._joined
        if joined is None or now.generation_id < 0:
            return None
        return joined if (now.generation_id, now.member_id) == (joined.generation_id, joined.member_id) else None

    def close(self) -> None:
        """Leave the group (a static member stays in it until its session times out) and close the connections."""
        self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
        self._offset_client.close(_CLOSE_MS)

    def _fetch(self, timeout_s: float, max_records: int) -> dict[int, list[Any]]:
        for partition in self._refusals.due():
            if partition in self._expected and partition not in self._paused:
                self._consumer.resume(self._tp(partition))
        self._damage.unpark()
        try:
            found = self._consumer.poll(timeout_ms=round(1000 * timeout_s), max_records=max_records)
        except LogTruncationError as error:
            self._refusals.truncated(error)
            found = {}
        except FATAL as error:
            raise fatal(error, self._topic) from error
        # A broker that is away, or that changes its mind, is waited for.
        except KafkaError as error:
            if (complaint := type(error).__name__) != self._complaint:
                logger.warning("Kafka: %s; trying on", " ".join(str(error).split()) or complaint)
                self._complaint = complaint
            time.sleep(min(timeout_s, _PAUSE_S))
            found = {}
        else:
            self._complaint = ""
        if self._damage.is_fenced:
            raise fatal(FencedInstanceIdError(), self._topic)
        return {tp.partition: records for tp, records in found.items()}

    def _check_kept(self) -> None:
        """Find the partitions that stayed ours and that somebody else has worked on."""
        for partition in sorted(self._expected):
            try:
                found = self._offset_client.committed(partition)
                offset = None if found is None else found.offset
                if offset == self._expected[partition]:
                    continue
                reason = f"offset {offset} is committed, not {self._expected[partition]}"
            except KafkaError as error:
                reason = f"its offset is not to be had ({type(error).__name__})"
            logger.warning("partition %d is begun again after a rebalance: %s", partition, reason)
            self._on_revoked({self._tp(partition)})
            self._on_assigned({self._tp(partition)})

    def _look_at_ends(self) -> None:
        """Ask for the ends of partitions whose fetches do not tell them, now and then."""
        now = time.monotonic()
        if now < self._ends_at + _ENDS_SECONDS:
            return
        self._ends_at = now
        if silent := self._owned - (self._expected.keys() - self._paused):
            # A figure for the metrics: without an answer, next time.
            with contextlib.suppress(KafkaError):
                self._ends.update(self._offset_client.ends(silent, _ENDS_MS))

    # kafka-python calls these two on its own thread, while ours waits inside poll().

    def _on_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            self._consumer.pause(tp)
            self._consumer.seek(tp, 0)  # a partition without any position would raise, paused or not
            self._assigned.add(tp.partition)

    def _on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            partition = tp.partition
            self._lost.add(partition)
            self._assigned.discard(partition)
            self._paused.discard(partition)
            self._expected.pop(partition, None)
            self._ends.pop(partition, None)
            self._refusals.forget(partition)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)
