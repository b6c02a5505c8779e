"""Records that are gone, damaged or met again while a partition is restored."""

import dataclasses

import pytest

from model.contract import Model
from stream.kafka.wire.chunks import Chunk
from stream.tagging.session import SessionOptions
from tests.stream.kafka.log import Consumer, essence, log, records, speak
from tests.stream.sound import estimates


def test_deleted_records_are_a_gap(tiny_model: Model) -> None:
    sent = speak("a", 12)
    entries = log(sent)
    consumer = Consumer(entries, tiny_model)
    consumer.take(9)
    consumer.commit()
    consumer.crash()
    consumer.entries = [entry for entry in entries if entry.offset >= 12]  # retention was shorter than the outage
    consumer._next = 0
    consumer.tagger.skip(consumer.tagger.seek_to, 12)
    consumer.take(100)
    consumer.commit()
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok", "gap", "gap", "ok"]


def test_offsets_without_records_are_passed_over(tiny_model: Model) -> None:
    entries = log(speak("a", 9))
    spread = [dataclasses.replace(entry, offset=3 * entry.offset) for entry in entries]
    consumer = Consumer(spread, tiny_model)
    for entry in spread:
        consumer.tagger.take(entry)
    consumer.commit()
    assert [e.window for e in estimates(records(consumer, "a"))] == [0, 1, 2]


def test_a_log_that_lost_its_end_goes_on_below_the_committed_offset(tiny_model: Model) -> None:
    consumer = Consumer(log(speak("a", 10, ends=False)), tiny_model).run()
    consumer.tagger.skip(20, 5)  # a broker came back without the last records: these offsets are given anew
    assert consumer.tagger.has_work
    for entry in log(speak("b", 8, seed=3)):
        consumer.tagger.take(dataclasses.replace(entry, offset=entry.offset + 5))
    consumer.commit()
    assert consumer.tagger.position == 21
    assert [e.window for e in estimates(records(consumer, "b"))] == [0, 1]


def test_a_defect_met_while_refilling_ends_no_process(tiny_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = Consumer(log(speak("a", 10, ends=False)), tiny_model)
    consumer.take(5)
    consumer.commit()
    consumer.crash()

    def fail(*_: object) -> Chunk:
        raise RuntimeError("a defect")

    monkeypatch.setattr("stream.kafka.tagger.partition.decode", fail)
    consumer.take(5)
    assert consumer.tagger.is_restored


def test_a_dead_letter_is_one_also_where_refilling_begins(tiny_model: Model) -> None:
    sent = speak("a", 14, ends=False)
    sent.insert(9, dataclasses.replace(sent[9], sample=10**15))
    consumer = Consumer(log(sent), tiny_model)
    consumer.take(12)
    consumer.commit()
    consumer.crash()
    assert consumer._next < 9
    consumer._next = 9  # what lay before was deleted
    consumer.run()
    assert consumer.dead == [(9, "sample")]


@pytest.mark.parametrize(("hop", "gap_seconds"), [(1, 1.0), (7, 9.0), (187, 298.0)])
def test_a_gap_longer_than_what_is_reported_of_it_is_the_same_after_a_crash(
    tiny_model: Model, hop: int, gap_seconds: float
) -> None:
    after = speak("a", 8, seq=10, sample=80000 + round(16000 * gap_seconds), seed=1)
    entries = log([*speak("a", 5, ends=False), dataclasses.replace(after[0], start=False), *after[1:]])
    options = SessionOptions(hop_frames=hop)
    crashing = Consumer(entries, tiny_model, options)
    for position in range(1, len(entries) + 1):
        crashing.crash()
        while crashing.tagger.position < position:
            crashing.take(1)
        crashing.commit()
    assert essence(crashing.committed) == essence(Consumer(entries, tiny_model, options).run().committed)
