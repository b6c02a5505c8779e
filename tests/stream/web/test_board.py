"""The status board: the last word of each stream, bounded, and readiness."""

from __future__ import annotations

import json

import numpy as np
import pytest

from stream.tagging.audio import AudioChunk, SourceStatus, StatusKind
from stream.web.board import Board
from tests.stream.sinks import records


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def chunk(stream: str = "mic", queued: int = 0) -> AudioChunk:
    return AudioChunk(stream, np.zeros((160, 1), np.float32), 16_000, 0, queued=queued)


def test_the_last_word_of_a_stream():
    board = Board()
    board.model(records.MODEL)
    board.realtime_factor(80.0)
    board.audio(chunk(queued=2))
    for record in records.one_of_each():
        board.emit(record)
    board.status(SourceStatus("mic", "down", "unplugged"))
    snapshot = board.snapshot()
    assert snapshot["model"] == records.MODEL.to_json()
    assert snapshot["realtime_factor"] == 80.0
    mic = snapshot["streams"]["mic"]
    assert mic["state"] == "down"
    assert mic["queued"] == 2
    assert mic["counts"] == {"ok": 1, "silence": 1, "gap": 1, "tracks": 2}
    assert mic["last"] == records.one_of_each()[2].to_json()
    assert mic["running"] == records.estimate().running
    assert mic["final"]["error"] == "truncated: no more could be decoded"
    assert [event["type"] for event in mic["events"]] == ["event", "status"]
    board.audio(chunk())
    assert board.snapshot()["streams"]["mic"]["state"] == "up"
    board.stream_ended("mic")
    assert board.snapshot()["streams"]["mic"]["state"] == "ended"


def test_a_snapshot_does_not_change_when_the_board_does():
    board = Board()
    board.emit(records.estimate())
    before = board.snapshot()
    as_it_was = json.dumps(before)
    board.emit(records.estimate(window=13))
    board.emit(records.event())
    assert json.dumps(before) == as_it_was


def test_the_stream_that_was_quiet_longest_is_forgotten():
    board = Board(max_streams=2)
    for name in ("a", "b", "a", "c"):
        board.emit(records.estimate(stream=name))
    assert list(board.snapshot()["streams"]) == ["a", "c"]


@pytest.mark.parametrize("kind", ["up", "down", "overflow", "warning"])
def test_a_stream_that_never_had_sound_ends_as_others_do(kind: StatusKind):
    board = Board()
    board.status(SourceStatus("mic", kind, "no sound yet"))
    board.emit(records.status(status=kind, detail="no sound yet"))
    board.stream_ended("mic")
    board.stream_ended("never heard of")
    (mic,) = board.snapshot()["streams"].values()
    assert (mic["state"], mic["last"], mic["final"]) == ("ended", None, None)
    assert [event["status"] for event in mic["events"]] == [kind]
    assert board.readiness()[1]["audio_fresh"] == {"ok": False, "detail": "no sound yet"}


def test_events_are_the_last_few():
    board = Board()
    for second in range(50):
        board.emit(records.event(at_s=float(second)))
    assert [event["at_s"] for event in board.snapshot()["streams"]["mic"]["events"]] == list(range(40, 50))


def test_ready_is_a_model_and_fresh_sound():
    clock = Clock()
    board = Board(fresh_seconds=10, clock=clock)
    ready, conditions = board.readiness()
    assert not ready
    assert conditions == {
        "model_loaded": {"ok": False, "detail": "no model yet"},
        "audio_fresh": {"ok": False, "detail": "no sound yet"},
    }
    board.model(records.MODEL)
    assert not board.readiness()[0]
    board.audio(chunk())
    clock.now += 10
    assert board.readiness()[0]
    clock.now += 0.1
    ready, conditions = board.readiness()
    assert not ready
    assert conditions["audio_fresh"] == {"ok": False, "detail": "last sound 10.1 s ago"}


def test_a_source_may_add_a_condition():
    board = Board()
    board.model(records.MODEL)
    board.audio(chunk())
    board.condition("partitions_assigned", lambda: (False, "none yet"))
    ready, conditions = board.readiness()
    assert not ready
    assert conditions["partitions_assigned"] == {"ok": False, "detail": "none yet"}


@pytest.mark.parametrize("name", records.HOSTILE)
def test_any_name_is_json_that_can_be_sent(name: str):
    board = Board()
    board.emit(records.estimate(stream=name, track=name))
    board.emit(records.status(stream=name, detail=name))
    board.stream_ended(name)
    (stream,) = json.loads(json.dumps(board.snapshot(), ensure_ascii=False, allow_nan=False).encode())[
        "streams"
    ].values()
    assert stream["state"] == "ended"
