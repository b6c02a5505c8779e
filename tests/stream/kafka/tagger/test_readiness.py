"""Readiness of a group member, as the board and so `/readyz` says it."""

from __future__ import annotations

import pytest

from stream.kafka.tagger.tagger import Readiness
from stream.web.board import Board
from tests.stream.sinks import records


def test_not_ready_before_the_group_is_joined():
    assert Readiness().check() == (False, "not in the consumer group yet")


@pytest.mark.parametrize(
    ("assigned", "restoring", "ready", "line"),
    [
        (3, 1, False, "1 of 3 partitions is being restored"),
        (3, 2, False, "2 of 3 partitions are being restored"),
        (3, 0, True, "3 partitions assigned and restored"),
        (1, 0, True, "1 partition assigned and restored"),
    ],
)
def test_ready_is_assigned_and_restored(assigned: int, restoring: int, ready: bool, line: str):
    readiness = Readiness()
    readiness.update(assigned=assigned, restoring=restoring)
    assert readiness.check() == (ready, line)


def test_a_member_without_a_partition_is_a_standby_and_not_ready():
    readiness = Readiness()
    readiness.update(assigned=2, restoring=0)
    readiness.update(assigned=0, restoring=0, detail="member 5")
    ready, line = readiness.check()
    assert not ready
    assert "standby" in line
    assert line.endswith("(member 5)")


def test_an_idle_topic_is_no_fault_where_the_board_asks_for_no_sound():
    board, readiness = Board(fresh_seconds=None), Readiness()
    board.condition("partitions_restored", readiness.check)
    board.model(records.MODEL)
    assert not board.readiness()[0]
    readiness.update(assigned=1, restoring=0)
    assert board.readiness() == (
        True,
        {
            "model_loaded": {"ok": True, "detail": f"{records.MODEL.name} {records.MODEL.version}"},
            "partitions_restored": {"ok": True, "detail": "1 partition assigned and restored"},
        },
    )
