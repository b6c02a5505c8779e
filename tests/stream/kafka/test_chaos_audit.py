"""The audit of a chaos run can fail: records that are lost, doubled, wrong, moved or misplaced are found."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model.contract import Model, load
from stream.kafka.wire.chunks import Chunk, encode
from stream.tagging.audio import AudioChunk
from stream.tagging.session import Session
from tests.stream.kafka.chaos import audit, network
from tests.stream.kafka.chaos.faults import KINDS, schedule
from tests.stream.kafka.chaos.plan import Pause, StreamPlan
from tests.stream.kafka.chaos.truth import SOURCE, Truth, sent, truth
from tests.stream.kafka.log import Consumer, Entry

PLAN = StreamPlan(seed=3, number=1, partitions=4)  # one that loses chunks
COUNT = 260


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(network.save(tmp_path_factory.mktemp("model") / "chaos.onnx"))


@dataclasses.dataclass
class Record:
    """A record of the output topic as kafka-python gives it."""

    value: bytes
    key: bytes
    offset: int
    partition: int = 0
    topic: str = "out"
    timestamp: int = 0


@pytest.fixture(scope="module")
def expected(model: Model) -> Truth:
    return truth(PLAN, COUNT, model)


@pytest.fixture(scope="module")
def written(model: Model) -> list[Record]:
    """What a consumer that never crashed would have written of a log with repetitions."""
    entries: list[Entry] = []
    chunks = list(sent(PLAN, COUNT))
    for number, chunk in enumerate(chunks):
        for each in (chunk, *(chunks[number - 2 : number + 1] if number % 9 == 8 else ())):
            message = encode(each, PLAN.encoding, SOURCE)
            entries.append(Entry(len(entries), 1_700_000_000_000, message.key, message.value, message.headers))
    consumer = Consumer(entries, model).run(11, crashes=[3, 8, 9])
    found = []
    for offset, result in enumerate(consumer.committed):
        place = {"partition": PLAN.partition, "first_offset": result.first_offset, "last_offset": result.last_offset}
        value = {**result.record.to_json(), "input": {**place, "session": result.session}}
        found.append(Record(json.dumps(value).encode(), result.record.stream.encode(), offset))
    return found


def compared(expected: Truth, records: list[Any]) -> list[audit.Discrepancy]:
    found, wrong = audit.read_results(records, {PLAN.name: PLAN.partition})
    return wrong + audit.compare(expected, found.get(PLAN.name, []))


def changed(record: Record, change: Callable[[dict[str, Any]], Any]) -> Record:
    value = json.loads(record.value)
    change(value)
    return dataclasses.replace(record, value=json.dumps(value).encode())


def first(records: list[Record], kind: str, after: int = 0, **fields: Any) -> int:
    """Return the index of the first record of a type, with these fields."""
    for index, record in enumerate(records[after:], after):
        value = json.loads(record.value)
        if value["type"] == kind and all(value[name] == wanted for name, wanted in fields.items()):
            return index
    raise LookupError(f"no {kind} with {fields}")


def test_what_a_consumer_writes_that_repeats_and_crashes_is_the_truth(expected: Truth, written: list[Record]) -> None:
    assert compared(expected, written) == []
    kinds = {fact.key[0] for fact in expected.facts}
    assert kinds == {"estimate", "final", "event"}
    assert {fact.values["status"] for fact in expected.facts if fact.key[0] == "estimate"} >= {"ok", "gap"}
    assert len({fact.key[1] for fact in expected.facts}) > 1  # sessions


@pytest.mark.parametrize("kind", ["estimate", "final", "event"])
def test_a_record_that_is_lost_or_doubled_is_found(expected: Truth, written: list[Record], kind: str) -> None:
    index = first(written, kind)
    (lost,) = compared(expected, [*written[:index], *written[index + 1 :]])
    assert lost.kind == "lost"
    again = changed(written[index], lambda value: value.update(time="2026-01-01T00:00:00.000Z"))
    (doubled,) = compared(
        expected, [*written[: index + 1], dataclasses.replace(again, offset=999), *written[index + 1 :]]
    )
    assert doubled.kind == "doubled"
    assert "999" in doubled.detail


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("estimate", lambda value: value.update(status="silence")),
        ("estimate", lambda value: value["mood"].update(sad=value["mood"]["sad"] + 2e-5)),
        ("estimate", lambda value: value["running"].update(sad=value["running"]["sad"] - 2e-6)),
        ("estimate", lambda value: value.update(windows=value["windows"] + 1)),
        ("estimate", lambda value: value.update(mood=None)),
        ("estimate", lambda value: value.update(end_s=value["end_s"] + 0.016)),
        ("estimate", lambda value: value["model"].update(sha256="0")),
        ("final", lambda value: value["running"].update(calm=value["running"]["calm"] + 2e-6)),
        ("final", lambda value: value.update(windows=value["windows"] - 1)),
        ("final", lambda value: value.update(gap_windows=value["gap_windows"] + 1)),
        ("final", lambda value: value.update(error="nothing came for 30 s")),
        ("event", lambda value: value.update(probability=0.5)),
        ("estimate", lambda value: value["input"].update(partition=0)),
    ],
)
def test_a_record_that_is_wrong_is_found(
    expected: Truth, written: list[Record], kind: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    status = {} if kind == "event" else {"status": "ok"}
    records = copy.copy(written)
    index = first(written, kind, **status)
    records[index] = changed(records[index], change)
    assert [each.kind for each in compared(expected, records)] == ["wrong"]


def test_what_should_not_be_there_is_found(expected: Truth, written: list[Record]) -> None:
    stray = changed(written[0], lambda value: value.update(window=7777))
    assert [each.kind for each in compared(expected, [*written, stray])] == ["wrong"]
    assert [each.kind for each in compared(expected, [*written, dataclasses.replace(stray, value=b"{}")])] == ["wrong"]
    swapped = [written[1], written[0], *written[2:]]
    (found,) = compared(expected, swapped)
    assert "out of order" in found.detail


def test_sound_that_is_a_little_wrong_changes_a_mood(model: Model) -> None:
    plan = StreamPlan(seed=3, number=0, partitions=4)
    chunks = [chunk for _, chunk in zip(range(90), plan.steps(), strict=False) if isinstance(chunk, Chunk)]
    facts = truth(plan, len(chunks), model).facts
    windows = [fact.values["mood"] for fact in facts if fact.key[0] == "estimate" and fact.values["mood"]]
    assert len(windows) > 2
    for one, other in itertools.pairwise(windows):
        assert max(abs(one[mood] - other[mood]) for mood in one) > 1e-3
    # One chunk with the sound of the one after it: what a consumer that mixes up two records would hear.
    same = [chunk for chunk in chunks if chunk.samplerate == chunks[0].samplerate]
    right, wrong = (_heard(same[0], same[which], *same[2:], model=model) for which in (1, 2))
    assert max(abs(right[mood] - wrong[mood]) for mood in right) > 1e-4


def _heard(*chunks: Chunk, model: Model) -> dict[str, float]:
    """Return the moods of the first window of chunks that follow each other, whatever they say."""
    session, first, found = Session("a", model), 0, []
    for chunk in chunks:
        found += session.feed(AudioChunk("a", chunk.samples, chunk.samplerate, first))
        first += len(chunk.samples)
    return next(record.mood for record in found if record.type == "estimate")


def test_an_input_that_does_not_hold_what_was_sent_is_found(expected: Truth) -> None:
    log = [(PLAN.partition, *chunk) for chunk in expected.chunks]
    assert audit.check_input(expected, log) == []
    assert audit.check_input(expected, [*log[:20], *log[10:]]) == []  # repeated
    for bad in ([], log[:-1], [*log[:7], *log[8:]], [*log[:7], log[8], log[7], *log[9:]], [*log, (0, "x", 0)]):
        assert len(audit.check_input(expected, bad)) == 1
    nothing = dataclasses.replace(expected, chunks=[], facts=[])
    assert len(audit.check_input(nothing, [])) == 1


@dataclasses.dataclass
class State:
    key: bytes
    value: bytes | None
    offset: int
    partition: int


def test_a_state_from_which_nobody_could_go_on_is_found(expected: Truth) -> None:
    session, seq = expected.chunks[-1]
    good = {"session": session, "next_seq": seq + 1, "resume_offset": None, "sound": None}
    state = State(PLAN.name.encode(), json.dumps(good).encode(), 10, PLAN.partition)
    committed, ends = {PLAN.partition: (60, {"s": 10, "e": 11})}, {PLAN.partition: 60}

    def kinds(state: State | None, committed: Any = committed, ends: Any = ends) -> list[str]:
        states = [] if state is None else [state]
        return [each.kind for each in audit.check_states({PLAN.name: expected}, states, committed, ends)]

    assert kinds(state) == []
    assert kinds(dataclasses.replace(state, value=None)) == []  # forgotten in order
    assert kinds(None) == ["lost"]
    assert kinds(dataclasses.replace(state, partition=0)) == ["wrong", "lost"]
    assert kinds(dataclasses.replace(state, offset=11)) == ["wrong"]
    assert kinds(dataclasses.replace(state, offset=9)) == ["lost"]
    assert kinds(dataclasses.replace(state, value=json.dumps({**good, "next_seq": 3}).encode())) == ["wrong"]
    assert kinds(dataclasses.replace(state, value=json.dumps({**good, "sound": {"track": {}}}).encode())) == ["wrong"]
    assert kinds(state, ends={PLAN.partition: 61}) == ["lost"]


def test_what_consumers_show_is_committed_and_shown_once(expected: Truth, written: list[Record]) -> None:
    found, _ = audit.read_results(written, {PLAN.name: PLAN.partition})
    lines = [record.value.decode() for record in written]
    assert audit.check_shown(lines[3:], found) == []
    assert [each.kind for each in audit.check_shown([*lines, lines[2]], found)] == ["doubled"]
    stray = changed(written[0], lambda value: value.update(window=7777)).value.decode()
    assert [each.kind for each in audit.check_shown([*lines, stray], found)] == ["wrong"]


def test_a_schedule_is_the_same_for_a_seed_and_leaves_no_kind_out() -> None:
    assert schedule(1, 12) == schedule(1, 12)
    assert schedule(1, 30) != schedule(2, 30)
    assert set(schedule(5, len(KINDS))) == set(KINDS)
    assert len(schedule(1, 3)) == 3


def test_a_plan_has_all_that_publishers_do() -> None:
    plans = [StreamPlan(1, number, 6, pause_seconds=9.0) for number in range(12)]
    steps: Iterator[Any] = (step for plan in plans for _, step in zip(range(300), plan.steps(), strict=False))
    chunks = []
    pauses = 0
    for step in steps:
        pauses += isinstance(step, Pause)
        chunks += [step] if isinstance(step, Chunk) else []
    assert pauses
    assert {plan.encoding for plan in plans} == {"L16", "S16LE", "F32LE", "FLAC"}
    assert any(chunk.discontinuity for chunk in chunks)
    assert {chunk.track is None for chunk in chunks} == {True, False}
    assert len({chunk.samplerate for chunk in chunks}) == 5
    assert {chunk.samples.shape[1] for chunk in chunks} == {1, 2}
