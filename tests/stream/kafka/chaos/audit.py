"""What a chaos run left behind, compared with what it should have: every record exactly once, and right.

    wanted = truth(plan, count, model)
    discrepancies = check_input(wanted, log)                # first: does the input hold what was sent?
    discrepancies += compare(wanted, found)
    discrepancies += check_states(...)                      # and could a consumer go on from here?

Each discrepancy is lost, doubled or wrong; ``wrong`` is also whatever should not be there at all.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from tests.stream.kafka.chaos.truth import Fact, Truth

_TOLERANCES = {
    "mood": 1e-5,
    "running": 1.01e-6,  # both are rounded to seven decimals
    "probability": 1e-5,
    "rms_dbfs": 0.0101,
    "start_s": 1e-6,
    "end_s": 1e-6,
}

Kind = Literal["lost", "doubled", "wrong"]


@dataclasses.dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that is not as it should be."""

    kind: Kind
    stream: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.stream}: {self.detail}"


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A record of the output topic, and where it lies."""

    fact: Fact
    place: str


def read_results(
    records: Iterable[Any], partitions: Mapping[str, int]
) -> tuple[dict[str, list[Found]], list[Discrepancy]]:
    """Return what the records of the output topic say, by stream, and what no consumer should have written.

    Args:
        records: in the order of each partition.
        partitions: of the input, by stream.
    """
    found: dict[str, list[Found]] = defaultdict(list)
    wrong = []
    for record in records:
        place = f"{record.topic}-{record.partition} offset {record.offset}, {_at(record.timestamp)}"
        try:
            value = json.loads(record.value)
            source = value["input"]
            fact = Fact.of(value, source["session"])
        except (KeyError, TypeError, ValueError) as error:
            wrong.append(Discrepancy("wrong", "?", f"{place} is no result ({error!r}): {record.value!r:.300}"))
            continue
        found[fact.stream].append(Found(fact, place))
        if record.key != fact.stream.encode():
            wrong.append(Discrepancy("wrong", fact.stream, f"{place} has the key {record.key!r}"))
        if source["partition"] != partitions.get(fact.stream) or source["first_offset"] > source["last_offset"]:
            wrong.append(Discrepancy("wrong", fact.stream, f"{place} is of {source}"))
    return found, wrong


def compare(truth: Truth, found: Sequence[Found]) -> list[Discrepancy]:
    """Compare the results of one stream with what must be there."""
    stream = truth.stream
    wanted = {fact.key: fact for fact in truth.facts}
    times = Counter(each.fact.key for each in found)
    discrepancies = [Discrepancy("lost", stream, _name(key)) for key in wanted if not times[key]]
    for key, count in times.items():
        places = ", ".join(each.place for each in found if each.fact.key == key)
        if key not in wanted:
            discrepancies.append(Discrepancy("wrong", stream, f"{_name(key)} should not be there: {places}"))
        elif count > 1:
            discrepancies.append(Discrepancy("doubled", stream, f"{_name(key)}: {places}"))
    for each in found:
        if each.fact.key in wanted:
            discrepancies += [
                Discrepancy("wrong", stream, f"{_name(each.fact.key)}: {difference} ({each.place})")
                for difference in _differences(wanted[each.fact.key].values, each.fact.values)
            ]
    if not discrepancies:
        order = zip(truth.facts, found, strict=True)
        moved = next((each for fact, each in order if fact.key != each.fact.key), None)
        if moved is not None:
            discrepancies.append(Discrepancy("wrong", stream, f"out of order from {_name(moved.fact.key)} on"))
    return discrepancies


def check_input(truth: Truth, log: Sequence[tuple[int, str, int]]) -> list[Discrepancy]:
    """Check that the input holds what was sent: if it does not, the run says nothing about the consumers.

    Args:
        truth: of the stream.
        log: partition, session and sequence number of its records, in their order.
    """
    stream = truth.stream
    if not any(fact.key[0] == "estimate" for fact in truth.facts):
        return [Discrepancy("lost", stream, "nothing was published of it, or nothing that gives a result")]
    wanted = [(truth.partition, *chunk) for chunk in truth.chunks]
    first = list(dict.fromkeys(log))
    for number, (one, other) in enumerate(zip(wanted, first, strict=False)):
        if one != other:
            return [Discrepancy("wrong", stream, f"the input holds {other} where {one} was sent (number {number})")]
    if len(first) != len(wanted):
        return [Discrepancy("lost", stream, f"the input holds {len(first)} of {len(wanted)} chunks")]
    return []


def check_states(
    truths: Mapping[str, Truth],
    states: Iterable[Any],
    committed: Mapping[int, tuple[int, dict[str, int]]],
    ends: Mapping[int, int],
) -> list[Discrepancy]:
    """Check that another consumer could go on from what was committed last.

    Args:
        truths: of all streams, by name.
        states: the records of the state topic, in the order of each partition.
        committed: of each input partition: offset, and what was committed beside it.
        ends: of each input partition.
    """
    found = [
        Discrepancy("lost", f"partition {partition}", f"committed {committed.get(partition)} of {end}")
        for partition, end in ends.items()
        if committed.get(partition, (0, {}))[0] != end
    ]
    last: dict[str, Any] = {}
    for record in states:
        name = bytes(record.key).decode()
        if name not in truths or truths[name].partition != record.partition:
            found.append(Discrepancy("wrong", name, f"a state of it is in partition {record.partition}"))
            continue
        last[name] = record
        end = committed.get(record.partition, (0, {}))[1].get("e", 0)
        if record.offset >= end:
            found.append(Discrepancy("wrong", name, f"state {record.offset} is not before what was committed: {end}"))
    for name, truth in truths.items():
        record = last.get(name)
        if record is None:
            found.append(Discrepancy("lost", name, "it has no state"))
        elif record.value is not None:
            found += _check_state(truth, record, committed)
    return found


def _check_state(truth: Truth, record: Any, committed: Mapping[int, tuple[int, dict[str, int]]]) -> list[Discrepancy]:
    state = json.loads(record.value)
    session, seq = truth.chunks[-1] if truth.chunks else ("", -1)
    wanted = {"session": session, "next_seq": seq + 1, "resume_offset": None, "in_track": False}
    sound = state.get("sound") or {}
    got = {**{name: state.get(name) for name in wanted}, "in_track": sound.get("track") is not None}
    found = []
    if got != wanted:
        found.append(Discrepancy("wrong", truth.stream, f"its last state says {got}, not {wanted}"))
    begin = committed.get(truth.partition, (0, {}))[1].get("s", math.inf)
    if record.offset < begin:
        found.append(Discrepancy("lost", truth.stream, f"its state {record.offset} is before {begin}, where one reads"))
    return found


def check_shown(lines: Iterable[str], found: Mapping[str, Sequence[Found]]) -> list[Discrepancy]:
    """Check what the consumers wrote to their standard outputs: at most once, and nothing that is not committed.

    Args:
        lines: whole lines of all consumers, in any order.
        found: the results on the output topic.
    """
    # A line does not say its session, so records that differ in that alone count together.
    committed = Counter((each.fact.key[0], *each.fact.key[2:]) for stream in found.values() for each in stream)
    shown: Counter[tuple[Any, ...]] = Counter()
    wrong = []
    for line in lines:
        try:
            key = Fact.of(json.loads(line), "").key
        except (KeyError, TypeError, ValueError):
            wrong.append(Discrepancy("wrong", "?", f"a consumer wrote {line[:200]!r}"))
            continue
        shown[key[0], *key[2:]] += 1
    for key, count in (shown - committed).items():
        kind: Kind = "doubled" if committed[key] else "wrong"
        wrong.append(Discrepancy(kind, str(key[1]), f"{key}: shown {shown[key]} times, {count} more than committed"))
    return wrong


def _at(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")[11:23]


def _differences(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is {got[name]}, not {value}"
        for name, value in wanted.items()
        if not _equal(value, got[name], _TOLERANCES.get(name, 0.0))
    ]


def _equal(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name], tolerance) for name in one)
    if isinstance(one, float | int) and isinstance(other, float | int) and tolerance:
        return abs(one - other) <= tolerance
    return bool(one == other)


def _name(key: tuple[Any, ...]) -> str:
    kind, session, _, *rest = key
    return f"{kind} of session {session}: {', '.join(map(str, rest))}"
