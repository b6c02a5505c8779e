"""When a stream is over, and how many there may be."""

import pytest

from model.contract import Model
from stream.common.errors import StreamError
from stream.kafka.tagger.partition import PartitionTagger
from stream.tagging.session import Session
from tests.stream.kafka.log import Consumer, log, records, speak
from tests.stream.sound import chunks, estimates, finals, listen, tune


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stream_that_falls_silent_is_summed_up_and_goes_on_if_it_can(tiny_model: Model) -> None:
    clock = Clock()
    paused, other = speak("a", 12), speak("b", 60, seed=2)
    consumer = Consumer(log([*paused[:14], *other, *paused[14:]]), tiny_model, clock=clock)
    for _ in range(14):
        consumer.take(1)
        consumer.commit()
    while not consumer.at_end:
        clock.now += 0.5
        consumer.take(1)
        consumer.commit()
    first, last = finals(records(consumer, "a"))
    assert first.windows == 2
    assert first.error == "nothing came for 30 s"
    assert last.windows == 4  # nothing of it was lost, and no window came twice
    assert [e.window for e in estimates(records(consumer, "a"))] == [0, 1, 2, 3]
    assert last.running == pytest.approx(finals(listen(Session("a", tiny_model), chunks(tune(12))))[0].running)


def test_a_silent_partition_is_closed_by_the_clock_and_its_states_end(tiny_model: Model) -> None:
    clock = Clock()
    consumer = Consumer(log([*speak("a", 7, ends=False), *speak("b", 4)]), tiny_model, clock=clock).run()
    assert set(consumer.states) == {"a", "b"}
    for _ in range(40):
        clock.now += 1.0
        consumer.tagger.tick()
        consumer.commit()
    assert [f.windows for f in finals(records(consumer, "a"))] == [2]
    assert set(consumer.states) == {"a"}  # it paused within a track: it may go on
    consumer.crash()
    consumer.take(100)
    for _ in range(700):
        clock.now += 1.0
        consumer.tagger.tick()
        consumer.commit()
    assert consumer.states == {}
    assert len(finals(records(consumer, "a"))) == 1


def test_another_groups_states_are_refused(tiny_model: Model) -> None:
    consumer = Consumer(log(speak("a", 4, ends=False)), tiny_model).run()
    with pytest.raises(StreamError, match="--state-topic"):
        PartitionTagger(
            0,
            committed=8,
            states=consumer.states,
            new_session=lambda name: Session(name, tiny_model),
            group="another",
        )


def test_a_stream_too_many_is_a_dead_letter_until_there_is_room(tiny_model: Model) -> None:
    clock = Clock()
    tagger = PartitionTagger(
        0,
        committed=0,
        new_session=lambda name: Session(name, tiny_model),
        max_streams=2,
        wall=lambda: 2e9,
        monotonic=clock,
    )
    entries = log([*speak("a", 4), *speak("b", 4), *speak("c", 4)])
    for entry in entries:
        tagger.take(entry)
    batch = tagger.collect()
    assert {(dead.record.key, dead.error.reason) for dead in batch.dead} == {(b"c", "too_many_streams")}
    assert {result.record.stream for result in batch.results} == {"a", "b"}
    clock.now += 60.0
    tagger.tick()  # a and b are over
    for entry in log([*entries, *speak("d", 4)])[len(entries) :]:
        tagger.take(entry)
    assert [dead.error.reason for dead in tagger.collect().dead] == []
