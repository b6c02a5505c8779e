"""Records that cannot be used go among the dead letters, all of them, and their neighbours are scored as ever."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

from model.contract import Model
from stream.kafka.wire.dead_letters import CONNECT, REASON, original_headers
from tests import models
from tests.stream.kafka import topic_io
from tests.stream.kafka.consumers import Listener
from tests.stream.kafka.hostile import STAGES, Bad, filler, giants, hostile, out_of_line
from tests.stream.kafka.log import speak
from tests.stream.kafka.test_consumer import HOP, check, expected, in_turn, wire
from tests.stream.kafka.topic_io import Record, TopicNames

COUNT = 10_000
LIMIT = 1_048_588
"""Bytes that a broker takes in a record unless told otherwise (max.message.bytes), with its headers and frame."""


def test_ten_thousand_hostile_records_among_good_ones(
    broker: Any, topics: TopicNames, tmp_path: Path, tiny_model: Model
) -> None:
    servers, rng = broker.bootstrap_servers, random.Random(11)
    good = in_turn([speak(f"good {seed}", 24, seed=seed) for seed in range(5)])
    bad = iter(_in_places(_bad_ones(rng, COUNT - 6 * 5), rng))
    places: dict[str, int] = {}
    sent: list[Record | Bad] = []
    share = COUNT // len(good) + 1
    for number, (chunk, record) in enumerate(zip(good, wire(good), strict=True)):
        place = places.setdefault(chunk.stream, len(places) % 2)
        if 50 <= number < 55:
            sent += [_at(each, place) for each in out_of_line(chunk, rng)]
        sent.append(dataclasses.replace(record, partition=place))
        sent += itertools.islice(bad, share)
    sent += bad
    records = [each.record if isinstance(each, Bad) else each for each in sent]
    offsets = topic_io.send(servers, topics.input, records, linger_ms=20, batch_size=500_000)
    wanted = {
        (each.record.partition, offset): each
        for each, offset in zip(sent, offsets, strict=True)
        if isinstance(each, Bad)
    }
    assert len(wanted) == COUNT

    model = models.save(tmp_path / "tiny.onnx")
    with Listener(servers, topics, tmp_path, "--model", model, *HOP) as listener:
        found = listener.results(finals=5)
        letters = topic_io.read(servers, topics.dead_letters, COUNT)
        counted = Counter(each.reason for each in wanted.values())
        listener.wait_until(lambda: _dead(listener) == counted, "all are counted")
        assert listener.metrics()["moodstream_kafka_records_total{result=dead_letter}"] == COUNT
        listener.stop()
        assert len(listener.said.splitlines()) < 100
    check(found, expected(tiny_model, good))
    for letter in letters:
        said = {name: value.decode() for name, value in letter.headers if name.startswith((CONNECT, REASON))}
        place = (int(said[CONNECT + "partition"]), int(said[CONNECT + "offset"]))
        _check_letter(letter, said, wanted.pop(place), topics)
    assert not wanted


def _bad_ones(rng: random.Random, count: int) -> list[Bad]:
    large = [*giants(LIMIT, rng), filler(700_000, rng)]
    found = [*hostile(count - len(large), seed=7), *large]
    rng.shuffle(found)
    return found


def _in_places(bad: list[Bad], rng: random.Random) -> list[Bad]:
    return [_at(each, rng.randrange(2)) for each in bad]


def _at(bad: Bad, partition: int) -> Bad:
    return dataclasses.replace(bad, record=dataclasses.replace(bad.record, partition=partition))


def _dead(listener: Listener) -> Counter[str]:
    name = "moodstream_dead_letters_total{reason="
    counts = {key[len(name) : -1]: int(value) for key, value in listener.metrics().items() if key.startswith(name)}
    return +Counter(counts)


def _check_letter(letter: Any, said: dict[str, str], bad: Bad, topics: TopicNames) -> None:
    """See that a dead letter is its record, and says what was wrong with it."""
    assert (said[REASON], said[CONNECT + "topic"]) == (bad.reason, topics.input), said
    assert said[CONNECT + "stage"] == (STAGES[bad.reason] or said[CONNECT + "stage"])
    assert said[CONNECT + "class.name"]
    assert said[CONNECT + "exception.class.name"].endswith("ChunkError")
    assert said[CONNECT + "exception.message"]
    original = original_headers(letter.headers)
    if bad.size < LIMIT - 1000:
        assert (letter.key, letter.value, original) == (bad.record.key, bad.record.value, list(bad.record.headers))
    else:  # what it says of the record is there, and of the record what fits
        assert letter.key == (bad.record.key or b"")[:1024]
        assert letter.value is None
        assert original in ([], list(bad.record.headers))
