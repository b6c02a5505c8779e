"""Publishers that repeat themselves: every chunk arrives at least once, in the order of its stream.

publisher = Publisher(plans, servers, topic, seed=1, speed=2.0)
publisher.start()
publisher.finish()                          # end every stream where it is
publisher.join(); publisher.failure; publisher.counts

A publisher sends several streams faster than they play. It sends chunks twice, at once or later; it goes away and comes
back with another producer, and sends what was not acknowledged once more, and some of what was; a broker that is away
makes it wait. So a stream's records are its chunks in their order, but for repetitions of what came before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.kafka.wire.chunks import Chunk, Message, encode
from tests.stream.kafka.chaos.plan import Pause, StreamPlan
from tests.stream.kafka.chaos.truth import SOURCE

_MAX_PENDING = 400
_REMEMBERED = 12  # chunks of a stream that may be sent once more
_RECONNECT_SECONDS = (4.0, 15.0)
_GIVE_UP_SECONDS = 180.0


@dataclasses.dataclass(slots=True)
class _Stream:
    plan: StreamPlan
    steps: Iterator[Chunk | Pause]
    due: float
    count: int = 0
    last: Chunk | None = None
    before: deque[Message] = dataclasses.field(default_factory=lambda: deque(maxlen=_REMEMBERED))


@dataclasses.dataclass(slots=True)
class _Sent:
    message: Message
    partition: int
    future: Any


class Publisher(threading.Thread):
    """Sends some streams with one producer after the other."""

    def __init__(
        self, plans: Sequence[StreamPlan], servers: str, topic: str, *, number: int, seed: int, speed: float
    ) -> None:
        """Take what to send.

        Args:
            plans: of the streams.
            servers: brokers, as HOST:PORT.
            topic: to send to.
            number: of the publisher; every other one is idempotent.
            seed: of the run.
            speed: seconds of sound a second.
        """
        super().__init__(name=f"publisher {number}", daemon=True)
        self.counts: dict[str, int] = {}
        """Chunks sent of each stream, what ends it left out."""
        self.repeated: Counter[str] = Counter()
        """Chunks sent once more, by why."""
        self.failure: str | None = None
        """Why it gave up."""
        self.slack = 0.0
        """Longest time that a chunk was sent after it was due, in seconds."""
        self._plans = plans
        self._topic = topic
        self._speed = speed
        self._rng = random.Random(f"{seed} {number}")
        self._finishing = threading.Event()
        self._config: dict[str, Any] = {
            "bootstrap_servers": servers,
            "acks": "all",
            # A batch that expired would be overtaken by the next.
            "delivery_timeout_ms": 2**31 - 1,
            "request_timeout_ms": 8_000,
            "max_block_ms": int(1000 * _GIVE_UP_SECONDS),
            "linger_ms": 5,
            "batch_size": 256 * 1024,
            "max_request_size": 4 * 2**20,
            "reconnect_backoff_max_ms": 1000,
            "allow_auto_create_topics": False,
        }
        if number % 2:
            self._config |= {"enable_idempotence": False, "max_in_flight_requests_per_connection": 1}
        self._pending: deque[_Sent] = deque()
        self._producer: Any = None

    def finish(self) -> None:
        """End every stream where it is."""
        self._finishing.set()

    def run(self) -> None:
        """Send until told to finish, and until all is acknowledged."""
        try:
            self._connect()
            self._publish()
            self._settle(0)
        except Exception as error:  # a publisher that is gone must not look like one that is done
            self.failure = f"{self.name}: {type(error).__name__}: {error}"
        finally:
            if self._producer is not None:
                self._producer.close(timeout=5)

    def _publish(self) -> None:
        now = time.monotonic()
        streams = [
            _Stream(plan, plan.steps(), now + self._rng.uniform(0, 3 if place else 0))
            for place, plan in enumerate(self._plans)
        ]
        queue = [(stream.due, place) for place, stream in enumerate(streams)]
        heapq.heapify(queue)
        reconnect_at = now + self._rng.uniform(*_RECONNECT_SECONDS)
        while queue and not self._finishing.is_set():
            due, place = heapq.heappop(queue)
            if self._finishing.wait(max(0.0, due - time.monotonic())):
                break
            self.slack = max(self.slack, time.monotonic() - due)
            self._step(streams[place])
            heapq.heappush(queue, (streams[place].due, place))
            self._settle(_MAX_PENDING)
            if time.monotonic() > reconnect_at:
                self._reconnect("reconnect")
                reconnect_at = time.monotonic() + self._rng.uniform(*_RECONNECT_SECONDS)
        for stream in streams:
            if stream.last is not None:
                self._send(stream, dataclasses.replace(stream.plan.last(stream.last), captured_at=time.time()))
                self._repeat(stream, 1, "of the end")

    def _step(self, stream: _Stream) -> None:
        step = next(stream.steps)
        if isinstance(step, Pause):
            stream.due += step.seconds
            stream.before.clear()  # what is forgotten by then would be taken for something new
            return
        stream.due += len(step.samples) / step.samplerate / self._speed
        # The time of capture keeps to the plan, however late it is sent: record time has no holes but the pauses.
        captured_at = time.time() + stream.due - time.monotonic()
        self._send(stream, dataclasses.replace(step, captured_at=min(captured_at, time.time())))
        stream.count += 1
        stream.last = step
        self.counts[stream.plan.name] = stream.count
        chance = self._rng.random()
        if chance < 0.03:
            self._repeat(stream, 1, "at once")
        elif chance < 0.05:
            self._repeat(stream, self._rng.randint(2, _REMEMBERED), "the last few")
        elif chance < 0.07:
            self._put(self._rng.choice(list(stream.before)), stream.plan.partition)
            self.repeated["an older one"] += 1

    def _send(self, stream: _Stream, chunk: Chunk) -> None:
        message = encode(chunk, stream.plan.encoding, SOURCE)
        stream.before.append(message)
        self._put(message, stream.plan.partition)

    def _repeat(self, stream: _Stream, count: int, why: str) -> None:
        for message in list(stream.before)[-count:]:
            self._put(message, stream.plan.partition)
            self.repeated[why] += 1

    def _put(self, message: Message, partition: int) -> None:
        self._pending.append(_Sent(message, partition, self._send_now(message, partition)))

    def _send_now(self, message: Message, partition: int) -> Any:
        return self._producer.send(
            self._topic,
            key=message.key,
            value=message.value,
            headers=message.headers,
            partition=partition,
            timestamp_ms=message.timestamp_ms,
        )

    def _settle(self, most: int) -> None:
        """Let go of what is acknowledged, and wait until no more than ``most`` are not."""
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while self._pending:
            first = self._pending[0].future
            if first.is_done and first.succeeded():
                self._pending.popleft()
                deadline = time.monotonic() + _GIVE_UP_SECONDS
            elif first.is_done:  # what came after it may be there: from here on all is sent again, in order
                self._reconnect("failure")
            elif len(self._pending) <= most:
                return
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._pending)} chunks were not acknowledged for {_GIVE_UP_SECONDS:g} s")
            else:
                with contextlib.suppress(KafkaError):
                    first.get(0.2)

    def _reconnect(self, why: str) -> None:
        """Go away without waiting, come back, and send again what was not acknowledged."""
        with contextlib.suppress(KafkaError):
            self._producer.flush(0)
        self._producer._sender.force_close()  # close() would wait for what is under way
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=1)
        self._connect()
        again = [sent for sent in self._pending if not (sent.future.is_done and sent.future.succeeded())]
        if again:  # from the first of them on, whatever became of the others
            again = list(self._pending)[self._pending.index(again[0]) :]
        self.repeated[f"after a {why}"] += len(again)
        self._pending.clear()
        for sent in again:
            self._put(sent.message, sent.partition)

    def _connect(self) -> None:
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            try:
                self._producer = KafkaProducer(**self._config)
                return
            except KafkaError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)  # between two questions to a broker that is away
