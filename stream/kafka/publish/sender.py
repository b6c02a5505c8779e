"""Brings chunks from the outbox to the broker: numbers and encodes them, and sees to it that each one arrives.

    sender = Sender(outbox, connect_producer, topic="audio.chunks", encoding="flac", source="urn:moodstream:kitchen")
    sender.start()
    ...                                      # sources put chunks into the outbox
    sender.finish(stop, patience=10.0)      # all is in the log, or counted as lost
    sender.delivered                        # chunks, seconds, bytes

An idempotent producer keeps order and repeats nothing by itself, for as long as it lives. A fault that ends it (the
broker forgot it, a batch failed) brings a new one, and what was not confirmed is sent again under the numbers it had:
the consumer drops what it has seen. Nothing expires: how much an outage may cost is the outbox's to say.

Used of kafka-python's insides: ``_sender.force_close`` of a producer, which cannot be closed quickly otherwise.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer, errors

from model.files import one_line
from stream.common.errors import StreamError
from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.kafka.client import workarounds
from stream.kafka.client.connection import Connection, connect, construct
from stream.kafka.publish.outbox import AWAY_SECONDS, Outbox, seconds_of
from stream.kafka.wire.chunks import Chunk, ChunkError, Encoding, Message, encode

PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "max_in_flight_requests_per_connection": 5,
    "compression_type": None,  # FLAC is compressed, and PCM hardly can be by what Kafka has
    "delivery_timeout_ms": 2**31 - 1,  # nothing expires: a batch that did would be a hole in the order
    "linger_ms": 5,
    "max_block_ms": 5_000,
    "allow_auto_create_topics": False,
}
"""What a producer of sound is told besides the connection."""

_BATCH_BYTES = 500_000

_RETRY_SECONDS = 3.0
"""So long an attempt takes to reach a broker that was there before."""


def producers(connection: Connection, largest: int, **config: Any) -> Callable[[], Any]:
    """Return what makes a producer: it raises StreamError if the first cannot be made, KafkaError for a later one.

    Args:
        connection: where to, and as whom.
        largest: record that the topic takes, in bytes.
        config: more for the first producer.
    """
    sizes = {"max_request_size": largest, "batch_size": min(largest, _BATCH_BYTES)}
    made = 0

    def make(**more: Any) -> Any:
        return KafkaProducer(**{**connection.config(), **PRODUCER, **sizes, **more})

    def connect_producer() -> Any:
        nonlocal made
        made += 1
        if made == 1:
            return connect(lambda: make(**config), connection)
        return construct(make, bootstrap_timeout_ms=int(1000 * _RETRY_SECONDS))

    return connect_producer


@dataclasses.dataclass(slots=True)
class Delivered:
    """What is in the log."""

    chunks: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclasses.dataclass(slots=True)
class SessionNumbers:
    """How far a session is: the number of its next chunk, and the highest that is in the log (-1: none)."""

    next_seq: int = 0
    confirmed: int = -1


@dataclasses.dataclass(slots=True, eq=False)
class PendingSend:
    """A chunk on its way; ``error`` is set where the client did not even take it."""

    chunk: Chunk
    message: Message
    session: SessionNumbers
    future: Any = None
    error: Exception | None = None

    def outcome(self) -> Exception | bool | None:
        """Return True for confirmed, the error of what failed, None for not known yet."""
        if self.error is not None or self.future is None:
            return self.error
        if not self.future.is_done:
            return None
        return self.future.exception or True


logger = logging.getLogger(__name__)

_REFUSED = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
"""A record that is too large: sent again it would be refused again."""

_POLL_SECONDS = 0.1
_CLOSE_SECONDS = 3.0
_LONGEST_WAIT = 2.0
_MOST_SESSIONS = 10_000


class Sender:
    """Sends what is in an outbox, in a thread of its own."""

    def __init__(
        self, outbox: Outbox, connect_producer: Callable[[], Any], *, topic: str, encoding: Encoding, source: str
    ) -> None:
        """Make the first producer.

        Args:
            outbox: what to send.
            connect_producer: returns a new KafkaProducer (see :func:`producers`).
            topic: where to.
            encoding: of the payloads.
            source: what ``ce_source`` says.

        Raises:
            StreamError: the broker cannot be reached.
        """
        self.delivered = Delivered()
        self._outbox = outbox
        self._connect_producer = connect_producer
        self._topic = topic
        self._encoding = encoding
        self._source = source
        self._sessions: OrderedDict[str, SessionNumbers] = OrderedDict()
        self._sent: list[PendingSend] = []
        self._news = False  # of chunks on their way
        self._abandoned = False
        self._away_since: float | None = None
        self._producer: Any = connect_producer()
        self._learn_partitions()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether its thread is there."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def finish(self, stop: Stop, patience: float) -> None:
        """Wait until the outbox, which takes nothing more from now on, is delivered; once a stop is asked for, so long.

        Args:
            stop: shortens the wait.
            patience: after the stop, in seconds; what is not delivered by then is lost.
        """
        self._outbox.close()
        deadline: float | None = None
        while not self._outbox.wait_done(_POLL_SECONDS):
            if deadline is None and stop.requested:
                deadline = time.monotonic() + patience
            if deadline is not None and time.monotonic() > deadline:
                break
        self._abandoned = True
        self._outbox.wake()
        self._thread.join(2 * _CLOSE_SECONDS)
        left = self._outbox.abandon()
        if left:
            logger.error("%.1f s of sound could not be delivered", left)
        self._tell_dropped()

    def _learn_partitions(self) -> None:
        """Ask now for what the first chunk would have to wait for, deaf to a stop."""
        try:
            self._producer.partitions_for(self._topic)
        except errors.KafkaError as error:
            self._end_producer()
            raise StreamError(f"the broker does not tell the partitions of {self._topic}: {one_line(error)}") from None

    def _run(self) -> None:
        try:
            while not self._outbox.done and not self._abandoned:
                self._watch()
                if self._news:
                    self._settle()
                chunk = self._outbox.take(_POLL_SECONDS)
                if chunk is not None:
                    self._send(chunk)
        except StreamError as error:
            self._outbox.fail(error)
        except Exception as error:  # a defect here must not leave the sources waiting for ever
            logger.debug("unexpected", exc_info=True)
            self._outbox.fail(StreamError(f"unexpected {type(error).__name__}: {error} (--log-level debug shows more)"))
        finally:
            self._end_producer()

    def _send(self, chunk: Chunk) -> None:
        session = self._session(chunk.session)
        captured_at = time.time() if chunk.captured_at is None else chunk.captured_at
        try:
            numbered = dataclasses.replace(chunk, seq=session.next_seq, captured_at=captured_at)
            message = encode(numbered, self._encoding, self._source)
        except ChunkError as error:
            self._refuse(chunk, f"it cannot be published: {error}")
            return
        session.next_seq += 1
        self._hand_over(PendingSend(numbered, message, session))

    def _hand_over(self, sent: PendingSend) -> None:
        message = sent.message
        try:
            sent.future = self._producer.send(
                self._topic,
                key=message.key,
                value=message.value,
                headers=message.headers,
                timestamp_ms=message.timestamp_ms,
            )
            sent.future.add_both(self._hear)
        except _REFUSED:  # by the client, who knows the limit: the other chunks have nothing to do with it
            self._refuse_sent(sent)
            return
        except errors.KafkaError as error:
            sent.error = error
            self._news = True
        self._sent.append(sent)

    def _hear(self, _: object) -> None:
        """Note, in the client's thread, that a chunk arrived or failed."""
        self._news = True
        self._outbox.wake()

    def _settle(self) -> None:
        """Look at what became of the chunks on their way."""
        self._news = False
        failed = False
        waiting = []
        for sent in self._sent:
            match sent.outcome():
                case None:
                    waiting.append(sent)
                case True:
                    self._confirm(sent)
                case error:
                    failed = True
                    logger.debug("a chunk failed: %s: %s", type(error).__name__, error)
                    waiting.append(sent)
        self._sent = waiting
        if failed:
            self._recover()

    def _recover(self) -> None:
        """Go on with a new producer: what was not confirmed is sent again, under its numbers."""
        self._end_producer()  # all futures are done now
        outcomes = [(sent, sent.outcome()) for sent in self._sent]
        self._sent = []
        failed: list[PendingSend] = []
        too_large: list[PendingSend] = []
        for sent, outcome in outcomes:
            if outcome is True:
                self._confirm(sent)
                continue
            failed.append(sent)
            if isinstance(outcome, errors.AuthorizationError):
                raise StreamError(f"the broker does not let us write to {self._topic}: {one_line(outcome)}")
            if isinstance(outcome, _REFUSED):
                too_large.append(sent)
        if too_large:  # the topic's limit has changed; all that were on their way failed with the one at fault
            largest = max(too_large, key=lambda each: len(each.message.value))
            failed.remove(largest)
            self._refuse_sent(largest)
        self._reconnect()
        refused = self._outbox.refusals()
        for sent in failed:
            if sent.chunk.stream in refused:
                self._outbox.confirm(sent.chunk, lost=True)
            elif sent.session.confirmed > sent.chunk.seq:
                # Later ones are in the log: sent again it would be dropped as a repetition.
                self._outbox.confirm(sent.chunk, lost=True)
                stream, seconds = sent.chunk.stream, seconds_of(sent.chunk)
                logger.error("%s: %.2f s of sound were lost", stream, seconds, extra={"stream": stream})
            else:
                sent.future = sent.error = None
                self._hand_over(sent)

    def _reconnect(self) -> None:
        backoff = Backoff(first=_POLL_SECONDS, longest=_LONGEST_WAIT)
        halt = threading.Event()
        while not self._abandoned:
            self._watch()
            try:
                self._producer = self._connect_producer()
                return
            except (StreamError, errors.KafkaError) as error:
                logger.debug("no producer yet: %s", error)
            halt.wait(backoff.next())
        raise StreamError("gave up")  # nobody hears it: the outbox is abandoned

    def _confirm(self, sent: PendingSend) -> None:
        self._outbox.confirm(sent.chunk)
        sent.session.confirmed = max(sent.session.confirmed, sent.chunk.seq)
        self.delivered.chunks += 1
        self.delivered.seconds += seconds_of(sent.chunk)
        self.delivered.bytes += len(sent.message.value)

    def _refuse_sent(self, sent: PendingSend) -> None:
        size = len(sent.message.value)
        shown = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
        self._refuse(
            sent.chunk,
            f"a chunk of {shown} is more than the topic {self._topic} takes: give a smaller --chunk-seconds, "
            "--encoding flac, or the topic a larger max.message.bytes",
        )

    def _refuse(self, chunk: Chunk, reason: str) -> None:
        self._outbox.refuse(chunk.stream, reason)
        self._outbox.confirm(chunk, lost=True)

    def _session(self, name: str) -> SessionNumbers:
        """Return a session's numbers; those not heard of for 10,000 others are forgotten: their files are long over."""
        session = self._sessions.setdefault(name, SessionNumbers())
        self._sessions.move_to_end(name)
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def _watch(self) -> None:
        """Say, once each, that the broker is away and that it is back."""
        silent = self._outbox.silent_for
        if silent >= AWAY_SECONDS and self._away_since is None:
            self._away_since = time.monotonic() - silent
            logger.warning("the broker has confirmed nothing for %.0f s; the sound is kept until it is back", silent)
        elif silent < AWAY_SECONDS and self._away_since is not None:
            logger.warning("the broker is back after %.0f s", time.monotonic() - self._away_since)
            self._away_since = None
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        for stream, seconds in self._outbox.take_dropped().items():
            message = "%s: %.1f s of sound were dropped, for the buffer was full"
            logger.warning(message, stream, seconds, extra={"stream": stream})

    def _end_producer(self) -> None:
        """Close the producer within seconds; what it has not sent fails."""
        producer = self._producer
        try:
            if self._sent:  # close() would wait for what never comes, raise, and leave the thread behind
                workarounds.force_close(producer)
            producer.close(timeout=_CLOSE_SECONDS)
        except errors.KafkaError as error:
            logger.debug("the producer did not close: %s", error)
