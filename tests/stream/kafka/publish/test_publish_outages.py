"""Publishing while the broker goes away and comes back: nothing is lost that fits the buffer, and the rest is said."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from stream.common.stop import Stop
from stream.kafka.client.connection import Connection
from stream.kafka.publish.outbox import Outbox
from stream.kafka.publish.sender import Sender, producers
from stream.kafka.wire.chunks import Chunk, decode
from stream.run.publish_run import Publisher
from stream.tagging.audio import AudioChunk, StreamEnd
from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.topic_io import TopicNames
from tests.stream.sound import tune

RATE = 16_000
LARGEST = 1_000_000


class Sound:
    """A source of seconds of sound, with something that happens before some of them."""

    stream = "mic"

    def __init__(self, seconds: int, happens: dict[int, Callable[[], None]], *, live: bool) -> None:
        self.live = live
        self.samples = tune(seconds)[:, None]
        self._happens = happens

    def __iter__(self) -> Iterator[AudioChunk | StreamEnd]:
        for number, first in enumerate(range(0, len(self.samples), RATE)):
            self._happens.get(number, lambda: None)()
            yield AudioChunk(self.stream, self.samples[first : first + RATE], RATE, first)
        yield StreamEnd(self.stream)

    def close(self) -> None:
        return


@pytest.fixture
def own_topics(own_broker: Broker) -> TopicNames:
    names = topic_io.unique_names()
    topic_io.create(own_broker.bootstrap_servers, names)
    return names


def publish(broker: Broker, topic: str, source: Sound, *, max_seconds: float) -> tuple[Sender, Outbox]:
    """Publish all of a source and wait until it is delivered."""
    outbox, stop = Outbox(10**9, max_seconds, away_after=0.5), Stop()

    connect_producer = producers(Connection((broker.bootstrap_servers,)), LARGEST)
    sender = Sender(outbox, connect_producer, topic=topic, encoding="S16LE", source="urn:test")
    sender.start()
    Publisher(outbox, stop, chunk_seconds=1.0, finite=True).run(source, "mic")
    sender.finish(stop, patience=30.0)
    assert outbox.failed is None
    return sender, outbox


def kept(broker: Broker, topic: str) -> list[Chunk]:
    """What a consumer makes of the log: what it has seen is dropped."""
    chunks: list[Chunk] = []
    for record in topic_io.read_all(broker.bootstrap_servers, topic):
        chunk = decode(record.key, record.value, record.headers, record.timestamp)
        if not chunks or chunk.seq > chunks[-1].seq:
            chunks.append(chunk)
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    return chunks


def sound(chunks: Sequence[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize("live", [True, False])
def test_a_crash_of_the_broker_costs_nothing(own_broker: Broker, own_topics: TopicNames, live: bool) -> None:
    happens = {4: own_broker.kill, 12: own_broker.start, 16: own_broker.kill, 17: own_broker.start}
    source = Sound(24, happens, live=live)
    sender, outbox = publish(own_broker, own_topics.input, source, max_seconds=60)
    chunks = kept(own_broker, own_topics.input)
    assert np.allclose(sound(chunks), source.samples, atol=1 / 32768)
    assert not any(chunk.discontinuity for chunk in chunks)
    assert chunks[-1].end
    assert outbox.lost_seconds == 0.0
    assert sender.delivered.seconds == 24.0


def test_a_broker_that_stands_still_holds_a_file_up(own_broker: Broker, own_topics: TopicNames) -> None:
    own_broker.pause()
    threading.Timer(2.0, own_broker.resume).start()
    source = Sound(40, {}, live=False)
    _, outbox = publish(own_broker, own_topics.input, source, max_seconds=4)
    assert np.allclose(sound(kept(own_broker, own_topics.input)), source.samples, atol=1 / 32768)
    assert outbox.lost_seconds == 0.0


def test_live_sound_that_the_buffer_cannot_hold_is_one_hole_and_said(
    own_broker: Broker, own_topics: TopicNames, caplog: pytest.LogCaptureFixture
) -> None:
    source = Sound(20, {4: own_broker.pause, 19: own_broker.resume}, live=True)
    _, outbox = publish(own_broker, own_topics.input, source, max_seconds=6)
    chunks = kept(own_broker, own_topics.input)
    holes = [
        (before.sample + len(before.samples), after.sample)
        for before, after in itertools.pairwise(chunks)
        if after.discontinuity
    ]
    ((begin, end),) = holes
    assert end - begin == outbox.lost_seconds * RATE > 0
    assert [chunk.sample for chunk in chunks[1:]] != [chunk.sample + len(chunk.samples) for chunk in chunks[:-1]]
    expected = np.delete(source.samples, np.s_[begin:end], axis=0)
    assert np.allclose(sound(chunks), expected, atol=1 / 32768)
    told = [record.message for record in caplog.records if "dropped" in record.message]
    assert told == [f"mic: {outbox.lost_seconds:.1f} s of sound were dropped, for the buffer was full"]


def test_a_producer_that_broke_is_followed_by_another(own_broker: Broker, own_topics: TopicNames) -> None:
    """A batch that fails ends the producer: what was not confirmed is sent again, under the same numbers."""
    # While the broker stands still, the first producer's batches expire; the second is made when it goes on.
    make = producers(
        Connection((own_broker.bootstrap_servers,)),
        LARGEST,
        delivery_timeout_ms=1000,
        request_timeout_ms=900,
        linger_ms=0,
    )
    outbox, stop = Outbox(10**9, 100, away_after=60), Stop()
    made = []

    def connect_producer() -> Any:
        if made:
            own_broker.resume()
        made.append(make())
        return made[-1]

    sender = Sender(outbox, connect_producer, topic=own_topics.input, encoding="S16LE", source="urn:test")
    sender.start()

    def pause() -> None:
        topic_io.read(own_broker.bootstrap_servers, own_topics.input, 4)
        own_broker.pause()

    source = Sound(12, {6: pause}, live=False)
    Publisher(outbox, stop, chunk_seconds=1.0, finite=True).run(source, "mic")
    sender.finish(stop, patience=30.0)
    assert len(made) >= 2
    assert outbox.lost_seconds == 0.0
    assert np.allclose(sound(kept(own_broker, own_topics.input)), source.samples, atol=1 / 32768)


def test_after_a_stop_what_cannot_be_delivered_in_time_is_lost_and_said(
    own_broker: Broker, own_topics: TopicNames, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, stop = Outbox(10**9, 100), Stop()
    make = producers(Connection((own_broker.bootstrap_servers,)), LARGEST)
    sender = Sender(outbox, make, topic=own_topics.input, encoding="S16LE", source="urn:test")
    sender.start()
    own_broker.pause()
    Publisher(outbox, stop, chunk_seconds=1.0, finite=True).run(Sound(3, {}, live=True), "mic")
    stop.request()
    sender.finish(stop, patience=0.2)
    own_broker.resume()
    assert outbox.lost_seconds == 3.0
    assert "3.0 s of sound could not be delivered" in [record.message for record in caplog.records]
    assert not sender.is_alive
