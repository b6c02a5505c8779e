"""The group's consumer on a real broker: what it is given and loses, and where it reads."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition

from stream.common.errors import StreamError
from stream.kafka.client.input import Gone
from stream.kafka.client.workarounds import keep_joins
from tests.stream.kafka import topic_io
from tests.stream.kafka.members import Join, Member, poll_until
from tests.stream.kafka.topic_io import Record, TopicNames


def _send(broker: Any, topics: TopicNames, partition: int, *values: bytes) -> None:
    topic_io.send(broker.bootstrap_servers, topics.input, [Record(value, partition=partition) for value in values])


def _commit(broker: Any, topics: TopicNames, member: Member, partition: int, offset: int) -> None:
    """Commit in a member's name, as its transaction would."""
    consumer = member.consumer._consumer
    consumer.commit({TopicPartition(topics.input, partition): OffsetAndMetadata(offset, "{}", -1)})


def test_nothing_comes_before_start(broker: Any, topics: TopicNames, join: Join) -> None:
    _send(broker, topics, 0, b"a", b"b", b"c")
    _send(broker, topics, 1, b"x")
    member = join(starts=False)
    poll_until([member], lambda: member.partitions == {0, 1})
    for _ in range(10):
        member.poll()
    assert member.records == {}
    assert member.consumer.committed([0, 1]) == {0: None, 1: None}
    assert (member.consumer.edge(0, "earliest"), member.consumer.edge(0, "latest")) == (0, 3)
    member.consumer.start(0, 1, expected=None)
    poll_until([member], lambda: len(member.values(0)) == 2)
    assert member.values(0) == [b"b", b"c"]
    assert member.values(1) == []
    assert (member.consumer.position(0), member.consumer.end(0)) == (3, 3)


def test_a_paused_partition_waits_and_goes_on(broker: Any, topics: TopicNames, join: Join) -> None:
    member = join()
    poll_until([member], lambda: member.partitions == {0, 1})
    member.consumer.pause([0, 7])
    _send(broker, topics, 0, b"a")
    _send(broker, topics, 1, b"x")
    poll_until([member], lambda: member.values(1) == [b"x"])
    assert member.values(0) == []
    member.consumer.resume([0, 7])
    poll_until([member], lambda: member.values(0) == [b"a"])


def test_a_paused_partition_goes_on_with_what_was_left_over(broker: Any, topics: TopicNames, join: Join) -> None:
    """kafka-python sets the rest of the records aside and would not come back to them."""
    _send(broker, topics, 0, *(b"%d" % number for number in range(10)))
    _send(broker, topics, 1, b"x")
    member = join()
    while not member.values(0):
        member.poll(0.1, 3)
    member.consumer.pause([0])
    poll_until([member], lambda: member.values(1) == [b"x"])
    member.consumer.resume([0])
    poll_until([member], lambda: member.values(0) == [b"%d" % number for number in range(10)])


@pytest.mark.parametrize("assignment", ["cooperative-sticky", "range"])
def test_a_second_and_a_third_member(broker: Any, topics: TopicNames, join: Join, assignment: str) -> None:
    first = join(assignment=assignment)
    poll_until([first], lambda: first.partitions == {0, 1})
    second = join(assignment=assignment)
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)
    assert first.partitions | second.partitions == {0, 1}
    (kept,) = first.partitions
    (moved,) = second.partitions
    if assignment == "range":  # all is taken away and given anew
        assert {("lost", kept), ("lost", moved)} < set(first.events)
        assert first.events.count(("assigned", kept)) >= 2
    else:
        assert ("lost", moved) in first.events
        assert ("lost", kept) not in first.events
    third = join(assignment=assignment)
    second.consumer.close()
    poll_until([first, third], lambda: first.partitions | third.partitions == {0, 1} and bool(third.partitions))
    _send(broker, topics, 0, b"0")
    _send(broker, topics, 1, b"1")
    poll_until([first, third], lambda: all(first.values(p) + third.values(p) == [b"%d" % p] for p in (0, 1)))


def test_fault_5_a_kept_partition_that_somebody_else_worked_on_is_begun_again(
    broker: Any, topics: TopicNames, join: Join
) -> None:
    """kafka-python goes on where it stood: at 2, though the group stands at 4."""
    _send(broker, topics, 0, b"0", b"1")
    _send(broker, topics, 1, b"0", b"1")
    first = join()
    poll_until([first], lambda: len(first.values(0)) == len(first.values(1)) == 2)
    for partition in (0, 1):
        _commit(broker, topics, first, partition, 2)
        first.consumer.set_expected(partition, 2)
    for partition in (0, 1):
        _commit(broker, topics, first, partition, 4)  # as another owner would: this one does not know
    _send(broker, topics, 0, b"2", b"3", b"4")
    _send(broker, topics, 1, b"2", b"3", b"4")
    first.records.clear()
    first.consumer.pause([0, 1])
    second = join()
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)
    (kept,) = first.partitions
    (moved,) = second.partitions
    poll_until([first, second], lambda: b"4" in first.values(kept) and b"4" in second.values(moved))
    assert first.events.count(("lost", kept)) == 1
    assert first.values(kept) == [b"4"]
    assert second.values(moved) == [b"4"]


def test_members_that_poll_briefly_do_not_join_again_and_again(broker: Any, topics: TopicNames, join: Join) -> None:
    """kafka-python throws away an answer that comes between two polls, and joins anew: for ever, or by luck."""
    first, second = join(), join()
    deadline = time.monotonic() + 30
    while len(first.partitions) != 1 or len(second.partitions) != 1 or first.partitions == second.partitions:
        first.poll(0.0)
        second.poll(0.0)
        time.sleep(0.05)  # their work
        assert time.monotonic() < deadline, (first.events, second.events)
    assert first.consumer.generation <= 6


def test_a_kept_partition_that_is_as_expected_goes_on(broker: Any, topics: TopicNames, join: Join) -> None:
    first = join()
    poll_until([first], lambda: first.partitions == {0, 1})
    for partition in (0, 1):
        _commit(broker, topics, first, partition, 0)
        first.consumer.set_expected(partition, 0)
    second = join()
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)
    (kept,) = first.partitions
    assert ("lost", kept) not in first.events


def test_a_member_that_was_thrown_out_hears_that_it_lost_all(broker: Any, topics: TopicNames, join: Join) -> None:
    first = join(session_timeout=6.0, max_poll_interval=10.0)
    poll_until([first], lambda: first.partitions == {0, 1})
    settled = first.polls + 20  # the first joining may take two rounds
    poll_until([first], lambda: first.polls >= settled)
    net = first.consumer._consumer._net
    silence = _Silence(net)  # as a SIGSTOP does: not even its heartbeats go out
    second = join()
    poll_until([second], lambda: second.partitions == {0, 1})
    silence.end()
    poll_until([first, second], lambda: {("lost", 0), ("lost", 1)} <= set(first.events))
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)


class _Silence:
    """Stops the thread of a client that speaks to the brokers."""

    def __init__(self, net: Any) -> None:
        self._over = threading.Event()
        net.call_soon(self._wait)

    async def _wait(self) -> None:
        self._over.wait(60)

    def end(self) -> None:
        self._over.set()


def test_a_joining_that_takes_longer_than_a_poll_comes_to_its_end(broker: Any, topics: TopicNames, join: Join) -> None:
    """It joins anew as the topic has grown; kafka-python forgets why, and by itself never takes the answer."""
    member = join()
    coordinator = member.consumer._consumer._coordinator
    poll_until([member], lambda: member.partitions == {0, 1} and not coordinator.rebalance_in_progress())
    _grow(broker, topics.input, 3)
    while not coordinator.rebalance_in_progress():
        member.consumer._consumer._client.cluster.request_update()
        member.poll(0.0)
    while (task := coordinator._join_task) is not None and not task.is_done:
        time.sleep(0.001)  # the answer comes on the client's own thread, while nobody polls
    assert coordinator.need_rejoin() or not coordinator.rebalance_in_progress()
    poll_until([member], lambda: member.partitions == {0, 1, 2} and not coordinator.rebalance_in_progress())


def _grow(broker: Any, topic: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        admin.create_partitions({topic: partitions})
    finally:
        admin.close()


def test_a_static_member_comes_back_without_a_rebalance(broker: Any, topics: TopicNames, join: Join) -> None:
    first = join(group_instance_id="one", session_timeout=20.0)
    second = join(group_instance_id="two", session_timeout=20.0)
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)
    before, generation, events = first.partitions, second.consumer.generation, list(second.events)
    first.consumer.close()
    again = join(group_instance_id="one", session_timeout=20.0)
    poll_until([again, second], lambda: bool(again.partitions))
    assert again.partitions == before
    assert (second.consumer.generation, second.events) == (generation, events)


def test_a_static_member_whose_name_is_taken_ends(broker: Any, topics: TopicNames, join: Join) -> None:
    first = join(group_instance_id="one", session_timeout=6.0)
    poll_until([first], lambda: first.partitions == {0, 1})
    second = join(group_instance_id="one", session_timeout=6.0)
    with pytest.raises(StreamError, match="--group-instance-id"):
        poll_until([first, second], lambda: False)
    poll_until([second], lambda: second.partitions == {0, 1})


def test_records_that_were_deleted_are_said(broker: Any, topics: TopicNames, join: Join) -> None:
    _send(broker, topics, 0, *(b"%d" % number for number in range(5)))
    _send(broker, topics, 1, b"neighbour")
    _delete_before(broker, topics.input, 0, 3)
    member = join()
    poll_until([member], lambda: member.values(0) == [b"3", b"4"] and member.values(1) == [b"neighbour"])
    assert member.gone == [Gone(0, 0, 3)]


def test_an_offset_beyond_the_end_goes_to_the_end(broker: Any, topics: TopicNames, join: Join) -> None:
    _send(broker, topics, 0, b"0")
    member = join(starts=False)
    poll_until([member], lambda: member.partitions == {0, 1})
    member.consumer.start(0, 50, expected=None)
    poll_until([member], lambda: bool(member.gone))
    assert member.gone == [Gone(0, 50, 1)]
    _send(broker, topics, 0, b"1")
    poll_until([member], lambda: member.values(0) == [b"1"])


def test_no_partition_waits_for_the_backlog_of_another(broker: Any, topics: TopicNames, join: Join) -> None:
    _send(broker, topics, 0, *([bytes(50_000)] * 100))
    member = join(starts=False)
    poll_until([member], lambda: member.partitions == {0, 1})
    member.consumer.start(0, 0, expected=None)
    member.consumer.start(1, 0, expected=None)
    member.poll(1.0, 5)
    _send(broker, topics, 1, b"new")
    while not member.values(1):
        member.poll(1.0, 5)
    assert len(member.values(0)) < 80  # two fetches of 1 MiB at most were before it


def test_no_commit_under_a_generation_whose_partitions_are_not_told(
    broker: Any, topics: TopicNames, join: Join
) -> None:
    """The number of a new generation comes in the background; what it means for us comes with a poll."""
    first = join()
    poll_until([first], lambda: first.partitions == {0, 1})
    before = first.consumer.membership()
    second = join()
    while not first.consumer._consumer._coordinator.rejoining:
        second.poll(0.0)
        first.poll(0.0)
    assert first.consumer.membership() in (before, None)
    poll_until([second], lambda: first.consumer.generation != before.generation_id)
    assert first.partitions == {0, 1}
    assert first.consumer.membership() is None
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 1)
    poll_until([first, second], lambda: first.consumer.membership() is not None)
    assert first.consumer.membership().generation_id == first.consumer.generation


def _delete_before(broker: Any, topic: str, partition: int, offset: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        admin.delete_records({TopicPartition(topic, partition): offset})
    finally:
        admin.close()


def test_the_library_still_keeps_positions_over_a_rebalance(broker: Any, topics: TopicNames) -> None:
    """Fault 5 itself: once this fails, the rule against it is not needed any more."""
    _send(broker, topics, 0, b"0", b"1")
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers,
        group_id=topics.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    keep_joins(consumer)  # another fault, which may leave it without partitions
    try:
        consumer.subscribe([topics.input])
        tp = TopicPartition(topics.input, 0)
        while not consumer.poll(200):
            pass
        assert consumer.position(tp) == 2
        consumer.commit({tp: OffsetAndMetadata(1, "", -1)})
        generation = consumer.group_metadata().generation_id
        consumer._coordinator.request_rejoin()
        while consumer.group_metadata().generation_id == generation:
            consumer.poll(200)
        kept = consumer.config["partition_assignment_strategy"]
        assert consumer.position(tp) == 2, kept
    finally:
        consumer.close()
