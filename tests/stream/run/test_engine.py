"""The engine: one session a stream, every record to every sink, one failure among many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from model.contract import Model
from stream.common.errors import StreamError, UsageError
from stream.common.output import OutputClosed
from stream.common.stop import Stop
from stream.run.engine import Engine
from stream.sinks.group import Sink, SinkGroup
from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus, StreamEnd
from stream.tagging.record import Final, Record, Status
from stream.tagging.session import Session, SessionOptions
from tests.stream.sound import chunks, finals, tune


class Listed:
    """A source that yields a list, and raises what is in it that is an error."""

    live = False

    def __init__(self, items: Iterable[SourceItem | Exception], stream: str = "") -> None:
        self.stream = stream
        self._items = items
        self.closed = False

    def __iter__(self) -> Iterator[SourceItem]:
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        self.closed = True


class Kept(Sink):
    """A sink and an observer that keep what they are given, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.order: list[str] = []

    def emit(self, record: Record) -> None:
        self.records.append(record)
        self.order.append(record.type)

    def close(self) -> None:
        self.order.append("closed")

    def audio(self, chunk: AudioChunk) -> None:
        pass

    def status(self, item: SourceStatus) -> None:
        self.order.append(f"source {item.kind}")

    def stream_ended(self, stream: str) -> None:
        self.order.append(f"{stream} ended")

    def realtime_factor(self, factor: float) -> None:
        self.order.append("speed")


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def engine(tiny_model: Model, kept: Kept, stop: Stop) -> Engine:
    return Engine(lambda stream, live: Session(stream, tiny_model, live=live), SinkGroup([]), [kept], stop)


def test_streams_are_kept_apart_and_each_has_its_final(engine: Engine, kept: Kept) -> None:
    one, two = (list(chunks(tune(7, seed=seed), stream=str(seed))) for seed in (1, 2))
    mixed = [chunk for pair in zip(one, two, strict=True) for chunk in pair]
    engine.run(Listed([*mixed, StreamEnd("1"), StreamEnd("2")]), "both")
    for seed in (1, 2):
        kept_alone = Kept()
        alone = Engine(engine.new_session, SinkGroup([kept_alone]), [], Stop())
        alone.run(Listed(chunks(tune(7, seed=seed), stream=str(seed))), "alone")
        (final,) = [record for record in finals(kept.records) if record.stream == str(seed)]
        assert final.running == finals(kept_alone.records)[0].running
    assert not engine.failures


def test_a_stream_that_ends_too_early_is_scored_and_said(engine: Engine, kept: Kept) -> None:
    engine.run(Listed([*chunks(tune(4)), StreamEnd("test", "damaged after 4.0 s")]), "test")
    assert engine.failures == {"test": "damaged after 4.0 s"}
    (final,) = finals(kept.records)
    assert (final.windows, final.error) == (1, "damaged after 4.0 s")


def test_a_source_that_fails_ends_its_streams_and_is_closed(engine: Engine, kept: Kept) -> None:
    source = Listed([*chunks(tune(4)), StreamError("the device is on fire")])
    engine.run(source, "mic")
    assert engine.failures == {"mic": "the device is on fire"}
    assert isinstance(kept.records[-1], Final)
    assert source.closed


def test_a_stream_that_cannot_go_on_does_not_stop_its_neighbours(engine: Engine, kept: Kept) -> None:
    bad = list(chunks(tune(4), 4000, stream="bad"))
    good = list(chunks(tune(4), stream="good"))
    engine.run(Listed([bad[0], good[0], *bad[1:], *good[1:]]), "both")
    assert list(engine.failures) == ["bad"]
    assert "4000 Hz" in engine.failures["bad"]
    (final,) = finals(kept.records)
    assert (final.stream, final.windows, final.error) == ("good", 1, None)


def test_a_source_whose_one_stream_cannot_go_on_is_left(tiny_model: Model, kept: Kept) -> None:
    taken = []

    def counted() -> Iterator[SourceItem]:
        for chunk in chunks(tune(4), stream="mono"):
            taken.append(chunk)
            yield chunk

    options = SessionOptions(channel=1)
    engine = Engine(lambda stream, live: Session(stream, tiny_model, options), SinkGroup([kept]), [], Stop())
    engine.run(Listed(counted(), stream="mono"), "mono")
    assert "channel 2" in engine.failures["mono"]
    assert len(taken) == 1


def test_a_defect_met_in_one_source_is_its_failure(engine: Engine, kept: Kept) -> None:
    engine.run(Listed([*chunks(tune(4)), ZeroDivisionError("division by zero")]), "odd")
    assert "ZeroDivisionError" in engine.failures["odd"]
    assert finals(kept.records)[0].windows == 1


def test_a_wrong_call_is_raised_if_nothing_was_heard(engine: Engine) -> None:
    with pytest.raises(UsageError, match="theremin"):
        engine.run(Listed([UsageError("no device is called theremin")]), "mic")
    assert not engine.failures


def test_a_stream_with_news_but_no_sound_ends_for_the_observers(engine: Engine, kept: Kept) -> None:
    engine.run(Listed([SourceStatus("radio", "down", "no answer")]), "radio")
    assert kept.order[-1] == "radio ended"


def test_a_reader_that_has_seen_enough_costs_the_others_nothing(tiny_model: Model, kept: Kept) -> None:
    class Closed(Kept):
        def emit(self, record: Record) -> None:
            raise OutputClosed

        def progress(self, stream: str, heard_s: float, level_dbfs: float) -> None:
            raise OutputClosed

    stop = Stop()
    engine = Engine(lambda stream, live: Session(stream, tiny_model), SinkGroup([Closed(), kept]), [], stop)
    engine.run(Listed(chunks(tune(7))), "song")
    assert finals(kept.records)[0].windows == 2
    assert not (engine.failures or engine.lost_outputs or stop.requested)

    engine = Engine(lambda stream, live: Session(stream, tiny_model), SinkGroup([Closed()]), [], stop)
    engine.run(Listed(chunks(tune(7))), "song")
    assert stop.requested
    assert not (engine.failures or engine.lost_outputs)


def test_a_stop_ends_with_finals(engine: Engine, kept: Kept, stop: Stop) -> None:
    def until_stopped() -> Iterator[SourceItem]:
        yield from chunks(tune(4))
        stop.request(15)
        yield from chunks(tune(4), first=64_000)

    engine.run(Listed(until_stopped()), "mic")
    (final,) = finals(kept.records)
    assert final.windows == 1
    assert final.end_s == pytest.approx(4.1)  # the chunk that was under way is the last


def test_the_stream_has_ended_for_the_observers_once_its_final_is_out(engine: Engine, kept: Kept) -> None:
    engine.run(Listed([*chunks(tune(4)), StreamEnd("test")]), "test")
    assert kept.order[-2:] == ["final", "test ended"]


def test_news_of_a_source_are_records_too(engine: Engine, kept: Kept) -> None:
    engine.run(Listed([SourceStatus("mic", "down", "unplugged", lost_seconds=1.5)]), "mic")
    (record,) = kept.records
    assert isinstance(record, Status)
    assert (record.status, record.detail, record.lost_s) == ("down", "unplugged", 1.5)
    assert kept.order[:2] == ["source down", "status"]


def test_a_sink_that_fails_is_noted_and_the_others_go_on(tiny_model: Model, kept: Kept) -> None:
    class Full(Kept):
        def emit(self, record: Record) -> None:
            raise StreamError("cannot write results: the disk is full")

    engine = Engine(lambda stream, live: Session(stream, tiny_model), SinkGroup([Full(), kept]), [], Stop())
    engine.run(Listed(chunks(tune(7))), "song")
    assert engine.lost_outputs == ["cannot write results: the disk is full"]
    assert not engine.failures
    assert finals(kept.records)[0].windows == 2


def test_a_run_ends_when_its_last_sink_has_failed(tiny_model: Model, kept: Kept) -> None:
    class Full(Kept):
        def emit(self, record: Record) -> None:
            raise StreamError("cannot write results: the disk is full")

    def endless() -> Iterator[SourceItem]:
        first = 0
        while True:
            yield from chunks(tune(3), first=first)
            first += 48_000

    engine = Engine(lambda stream, live: Session(stream, tiny_model), SinkGroup([Full()]), [kept], Stop())
    engine.run(Listed(endless()), "radio")
    assert engine.lost_outputs == ["cannot write results: the disk is full"]
    assert kept.order[-1] == "test ended"
