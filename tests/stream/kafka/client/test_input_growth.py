"""The group's consumer when its topic appears late or grows: every partition is somebody's, whoever leads the group."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from kafka import KafkaAdminClient

from tests.stream.kafka import topic_io
from tests.stream.kafka.members import Join, Member, poll_until
from tests.stream.kafka.topic_io import TopicNames

Assignment = Literal["cooperative", "range"]
_EITHER = pytest.mark.parametrize("assignment", ["cooperative", "range"])


def _grow(broker: Any, topic: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        admin.create_partitions({topic: partitions})
        admin.wait_for_topics([topic])
    finally:
        admin.close()


def _look(member: Member) -> None:
    """Have a member ask what the topic looks like now, as it does by itself every half minute."""
    member.consumer._consumer._client.cluster.request_update()


@_EITHER
def test_a_member_that_joined_before_its_topic_could_be_seen_gets_all_of_it(
    broker: Any, topic_names: TopicNames, join: Join, assignment: Assignment, caplog: pytest.LogCaptureFixture
) -> None:
    """It polls so briefly that no answer comes within a poll: there, kafka-python alone would stay without any."""
    caplog.set_level("CRITICAL", logger="kafka")  # that the topic is missing is what we want
    member = join(assignment=assignment)
    while member.consumer.membership() is None:
        member.poll(0.001)
    assert member.partitions == set()
    topic_io.create(broker.bootstrap_servers, topic_names)
    while member.partitions != {0, 1}:
        member.poll(0.001)


@_EITHER
@pytest.mark.parametrize("grows", ["while it was away", "after it came back"])
def test_a_static_member_that_led_the_group_before_its_restart_still_sees_the_topic_grow(
    broker: Any, topics: TopicNames, join: Join, assignment: Assignment, grows: str
) -> None:
    options = {"group_instance_id": "one", "session_timeout": 40.0, "assignment": assignment}
    first = join(**options)
    poll_until([first], lambda: first.partitions == {0, 1})
    first.consumer.close()
    if grows == "while it was away":
        _grow(broker, topics.input, 3)
    again = join(**options)
    poll_until([again], lambda: {0, 1} <= again.partitions)
    if grows == "after it came back":
        _grow(broker, topics.input, 3)
        _look(again)
    poll_until([again], lambda: again.partitions == {0, 1, 2})
