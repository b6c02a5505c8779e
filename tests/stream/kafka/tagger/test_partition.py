"""What a partition's results are: a function of its records, however often the consumer crashes."""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import Model
from stream.kafka.wire.chunks import Chunk
from stream.tagging.record import Estimate, Final
from stream.tagging.session import Session, SessionOptions
from tests.stream.kafka.log import Consumer, Entry, essence, log, records, speak
from tests.stream.sound import chunks, estimates, finals, listen, tune


def mixed(*streams: list[Chunk], seed: int = 0) -> list[Chunk]:
    """Interleave streams at random, each in its own order."""
    rng = random.Random(seed)
    waiting = [list(stream) for stream in streams]
    found = []
    while any(waiting):
        found.append(rng.choice([stream for stream in waiting if stream]).pop(0))
    return found


def test_a_stream_is_scored_as_its_file_is(tiny_model: Model) -> None:
    consumer = Consumer(log(mixed(speak("a", 10), speak("b", 13, rate=44100, seed=1, channels=2))), tiny_model).run()
    for name, seconds, rate, seed in (("a", 10, 16000, 0), ("b", 13, 44100, 1)):
        wanted = listen(Session(name, tiny_model), chunks(tune(seconds, rate, seed=seed), rate))
        got = records(consumer, name)
        assert [e.window for e in estimates(got)] == [e.window for e in estimates(wanted)]
        for one, other in zip(estimates(got), estimates(wanted), strict=True):
            assert one.mood == pytest.approx(other.mood, abs=1e-5)
        (final,), (wanted_final,) = finals(got), finals(wanted)
        assert final.running == pytest.approx(wanted_final.running, abs=1e-6)
        assert (final.status, final.windows, final.track) == ("ok", wanted_final.windows, "song")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_consumer_that_crashes_says_what_one_says_that_does_not(tiny_model: Model, data: st.DataObject) -> None:
    draw = data.draw
    streams = []
    for number in range(draw(st.integers(1, 3), label="streams")):
        rate = draw(st.sampled_from([8000, 16000, 44100, 48000]))
        length = draw(st.sampled_from([0.25, 0.4, 1.0]))
        first = speak(f"s{number}", draw(st.floats(1, 14)), rate=rate, chunk_seconds=length, track="one", seed=number)
        last = first[-1]
        second = speak(
            f"s{number}",
            draw(st.floats(1, 8)),
            rate=rate,
            chunk_seconds=length,
            track="two",
            seed=number + 9,
            seq=last.seq + 1,
            sample=last.sample + len(last.samples),
        )
        streams.append([*first, *second])
    sent = mixed(*streams, seed=draw(st.integers(0, 9)))
    rng = random.Random(draw(st.integers(0, 99)))
    kept = [chunk for chunk in sent if rng.random() > 0.03]  # some never arrive
    seen: list[Chunk | Entry] = []
    for chunk in kept:
        seen.append(chunk)
        if rng.random() < 0.15:  # and some arrive twice, now or later
            seen.append(rng.choice([c for c in seen if isinstance(c, Chunk)]))
        if rng.random() < 0.1:
            seen.append(Entry(0, 0, chunk.stream.encode(), b"x", [("content-type", b"text/plain")]))
        if rng.random() < 0.05:
            seen.append(dataclasses.replace(chunk, seq=chunk.seq + 5_000_000))
    entries = log(seen)
    options = SessionOptions(hop_frames=draw(st.sampled_from([50, 187])), threshold=0.1, threshold_off=0.05)
    whole = Consumer(entries, tiny_model, options).run(batch=1000)
    batch = draw(st.integers(1, 20))
    crashes = draw(st.lists(st.integers(0, len(entries) // batch + 3), max_size=6))
    crashing = Consumer(entries, tiny_model, options).run(batch, crashes)
    for name in {chunk.stream for chunk in kept}:
        of = [[r for r in each.committed if r.record.stream == name] for each in (crashing, whole)]
        assert essence(of[0]) == essence(of[1])
        for one, other in zip(*of, strict=True):
            if isinstance(one.record, Estimate | Final):
                assert one.record.running == pytest.approx(other.record.running, abs=1e-6)
    assert crashing.dead == whole.dead
    for name, count in whole.counts.items():
        assert crashing.counts[name] == count


def test_a_duplicate_is_dropped_and_counted(tiny_model: Model) -> None:
    sent = speak("a", 7)
    consumer = Consumer(log([*sent[:5], *sent[:3], *sent[5:], *sent[-2:]]), tiny_model).run()
    assert consumer.counts == {"ok": len(sent), "duplicate": 5}
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok", "ok"]
    assert len(finals(records(consumer, "a"))) == 1


def test_a_missing_chunk_is_a_gap_though_the_samples_run_on(tiny_model: Model) -> None:
    sent = speak("a", 10)
    renumbered = [dataclasses.replace(c, seq=c.seq + 1) if c.seq > 9 else c for c in sent]
    consumer = Consumer(log(renumbered), tiny_model).run()
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok", "gap", "ok"]
    (final,) = finals(records(consumer, "a"))
    assert (final.status, final.windows, final.gap_windows) == ("gap", 2, 1)


def test_a_new_session_replaces_the_old_one_for_good(tiny_model: Model) -> None:
    old, new = speak("a", 7, ends=False), speak("a", 7, session="s2", seed=3)
    consumer = Consumer(log([*old, *new[:4], old[-1], *new[4:], old[3]]), tiny_model).run(3, crashes=[6])
    first, second = finals(records(consumer, "a"))
    assert first.error is not None
    assert "anew" in first.error
    assert (second.error, second.windows) == (None, 2)
    assert consumer.counts["stale"] == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seq": 10**11}, "sequence"),
        ({"seq": 1_000_100}, "sequence"),
        ({"sample": 10**17}, "sample"),
        ({"sample": 16000 * 86400 * 2}, "sample"),
        ({"sample": 3}, "sample"),
        ({"samplerate": 8000}, "format_changed"),
    ],
)
def test_numbers_that_cannot_be_are_dead_letters_and_change_nothing(tiny_model: Model, changes, reason: str) -> None:
    sent = speak("a", 10)
    bad = dataclasses.replace(sent[8], **changes)
    consumer = Consumer(log([*sent[:8], bad, *sent[8:]]), tiny_model).run()
    assert consumer.dead == [(8, reason)]
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok"] * 3


def test_absurd_numbers_do_not_begin_a_stream(tiny_model: Model) -> None:
    bad = [dataclasses.replace(speak("a", 1)[0], seq=10**12), dataclasses.replace(speak("a", 1)[0], sample=10**17)]
    consumer = Consumer(log([*bad, *speak("a", 4)]), tiny_model).run()
    assert [reason for _, reason in consumer.dead] == ["sequence", "sample"]
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok"]


def test_a_channel_that_is_not_there_is_a_dead_letter(tiny_model: Model) -> None:
    stereo, mono = speak("a", 4, channels=2), speak("b", 4)
    consumer = Consumer(log([*mono[:2], *stereo, *mono[2:]]), tiny_model, SessionOptions(channel=1)).run()
    assert {reason for _, reason in consumer.dead} == {"not_scored"}
    assert len(consumer.dead) == len(mono)
    assert [e.status for e in estimates(records(consumer, "a"))] == ["ok"]


def test_a_duplicate_of_the_end_begins_nothing(tiny_model: Model) -> None:
    sent = speak("a", 4)
    last = sent[-1]
    after = last.sample + len(last.samples)
    end = dataclasses.replace(last, samples=last.samples[:0], seq=last.seq + 1, sample=after)
    consumer = Consumer(log([*sent, last, end, end]), tiny_model).run()
    assert len(finals(records(consumer, "a"))) == 1
    assert consumer.dead == []


def test_an_empty_end_closes_a_track(tiny_model: Model) -> None:
    sent = speak("a", 4, ends=False)
    last = sent[-1]
    end = dataclasses.replace(
        last, samples=last.samples[:0], seq=last.seq + 1, sample=last.sample + len(last.samples), end=True
    )
    consumer = Consumer(log([*sent, end]), tiny_model).run(2, crashes=[3])
    (final,) = finals(records(consumer, "a"))
    assert (final.windows, final.error, final.end_s) == (1, None, 4.0)


def test_results_name_the_records_that_they_are_made_of(tiny_model: Model) -> None:
    consumer = Consumer(log(speak("a", 9.2, chunk_seconds=1.0)), tiny_model).run(2)
    got = [(r.record.type, r.first_offset, r.last_offset) for r in consumer.committed if r.record.type != "event"]
    assert got == [("estimate", 0, 2), ("estimate", 2, 5), ("estimate", 5, 8), ("final", 0, 9)]


def test_only_a_bounded_part_of_the_state_topic_must_be_read_again(tiny_model: Model) -> None:
    quiet, busy = speak("quiet", 2, ends=False), speak("busy", 1500, chunk_seconds=0.25, seed=1)
    consumer = Consumer(log([*quiet, *busy]), tiny_model)
    while not consumer.at_end:
        consumer.take(1)
        consumer.commit()
    oldest = min(offset for offset, _ in consumer.states.values())
    assert consumer._state_end - oldest < 2500


def test_a_session_whose_first_record_is_bad_still_ends_the_one_before(tiny_model: Model) -> None:
    sent = [*speak("a", 5, channels=2, ends=False), *speak("a", 1, session="s2")]
    consumer = Consumer(log(sent), tiny_model, SessionOptions(channel=1)).run()
    (final,) = finals(records(consumer, "a"))
    assert (final.windows, [reason for _, reason in consumer.dead]) == (1, ["not_scored", "not_scored"])


def test_an_empty_end_needs_no_title(tiny_model: Model) -> None:
    sent = speak("a", 5, ends=False)
    end = dataclasses.replace(sent[-1], seq=10, sample=80000, samples=sent[0].samples[:0], end=True, track=None)
    (final,) = finals(records(Consumer(log([*sent, end]), tiny_model).run(), "a"))
    assert (final.track, final.windows) == ("song", 1)
