"""The buffer between sources and broker: files wait, of live sound the oldest is dropped, and that is said."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.kafka.publish.outbox import Outbox
from stream.kafka.publish.packer import Packer
from stream.kafka.wire.chunks import Chunk
from stream.tagging.audio import AudioChunk
from tests.stream.sound import tune

RATE = 16_000
ENDLESS = 10**9


def chunk(seconds: int, *tracks: str) -> list[Chunk]:
    """Chunks of a second each, of tracks that last so long."""
    packer = Packer("mic", 1.0, hold=True, finite=True)
    made = []
    for number, track in enumerate(tracks):
        sound = tune(seconds)[:, None]
        made += packer.feed(AudioChunk("mic", sound, RATE, number * len(sound), track=track, starts_track=True))
    return made + packer.close()


def drained(outbox: Outbox) -> list[Chunk]:
    found = []
    while (taken := outbox.take(0.0)) is not None:
        outbox.confirm(taken)
        found.append(taken)
    return found


def said(chunks: Sequence[Chunk]) -> list[tuple[str | None, int, str]]:
    names = ("start", "end", "discontinuity")
    return [
        (each.track, each.sample // RATE, "".join(name[0] for name in names if getattr(each, name))) for each in chunks
    ]


def filled(chunks: Sequence[Chunk], max_seconds: float, *, taken: int = 0) -> tuple[Outbox, list[Chunk]]:
    """An outbox with a broker that has gone away after some chunks were taken and confirmed."""
    outbox, stop = Outbox(ENDLESS, max_seconds, away_after=0.0), Stop()
    gone = []
    for number, each in enumerate(chunks):
        outbox.put(each, live=True, stop=stop)
        if number < taken:
            gone += drained(outbox)
    return outbox, gone


def test_of_live_sound_the_oldest_goes_and_the_next_says_so() -> None:
    outbox, gone = filled(chunk(8, "A"), 3.0, taken=2)
    assert said(gone) == [("A", 0, "s"), ("A", 1, "")]
    assert said(drained(outbox)) == [("A", 5, "d"), ("A", 6, ""), ("A", 7, "e")]
    assert outbox.lost_seconds == 3.0
    assert outbox.take_dropped() == {"mic": 3.0}
    assert outbox.take_dropped() == {}


def test_the_end_of_a_track_that_had_begun_is_never_dropped() -> None:
    outbox, _ = filled(chunk(3, "A", "B", "C"), 2.0, taken=1)
    assert said(drained(outbox)) == [("A", 3, "ed"), ("C", 7, "sd"), ("C", 8, "e")]


def test_a_track_that_nobody_heard_of_goes_without_a_word() -> None:
    outbox, _ = filled(chunk(2, "A", "B", "C"), 3.0)
    assert said(drained(outbox)) == [("B", 3, "sed"), ("C", 4, "s"), ("C", 5, "e")]


def test_what_is_on_its_way_is_not_dropped() -> None:
    outbox, stop = Outbox(ENDLESS, 4.0, away_after=0.0), Stop()
    pieces = chunk(9, "A")
    for each in pieces[:3]:
        outbox.put(each, live=True, stop=stop)
    taken = [outbox.take(0.0), outbox.take(0.0)]
    assert outbox.take(0.0) is None  # half of the buffer may be on its way
    for each in pieces[3:]:
        outbox.put(each, live=True, stop=stop)
    for each in taken:
        assert each is not None
        outbox.confirm(each)
    assert said(drained(outbox)) == [("A", 7, "d"), ("A", 8, "e")]
    assert outbox.lost_seconds == 5.0


@pytest.mark.parametrize("live", [True, False])
def test_while_the_broker_works_every_source_waits_for_room(live: bool) -> None:
    pieces = chunk(20, "A")
    outbox, stop = Outbox(ENDLESS, 3.0, away_after=60.0), Stop()
    feeder = threading.Thread(target=lambda: [outbox.put(each, live=live, stop=stop) for each in pieces])
    feeder.start()
    found: list[Chunk] = []
    while len(found) < len(pieces):
        assert outbox.seconds <= 3.0
        if (taken := outbox.take(1.0)) is not None:
            outbox.confirm(taken)
            found.append(taken)
    feeder.join()
    assert found == pieces
    assert outbox.lost_seconds == 0.0


def test_memory_is_a_bound_as_well() -> None:
    pieces = chunk(6, "A")
    outbox, stop = Outbox(3 * pieces[0].samples.nbytes, ENDLESS, away_after=0.0), Stop()
    for each in pieces:
        outbox.put(each, live=True, stop=stop)
    assert [sample for _, sample, _ in said(drained(outbox))] == [3, 4, 5]


def test_nobody_waits_after_a_stop() -> None:
    outbox, stop = Outbox(ENDLESS, 1.0), Stop()
    stop.request()
    for each in chunk(3, "A"):
        outbox.put(each, live=False, stop=stop)
    assert outbox.seconds == 3.0


def test_a_refused_stream_ends_and_the_others_go_on() -> None:
    outbox, stop = Outbox(ENDLESS, ENDLESS), Stop()
    first, second = chunk(2, "A")
    outbox.put(first, live=False, stop=stop)
    outbox.refuse("mic", "too large")
    with pytest.raises(StreamError, match="too large"):
        outbox.put(second, live=False, stop=stop)
    assert outbox.take(0.0) is None
    assert outbox.lost_seconds == 1.0
    outbox.close()
    assert outbox.done
