"""The topics on a real broker: made, checked, and refused where a consumer could not work with them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from kafka import KafkaAdminClient

from stream.common.errors import StreamError
from stream.kafka.client.connection import Connection
from stream.kafka.topics import Plan, Topics, check, create, inspect
from tests.stream.kafka.topic_io import TopicNames

pytestmark = pytest.mark.timeout(120)


def connection(broker: Any) -> Connection:
    return Connection((broker.bootstrap_servers,))


def names_of(names: TopicNames) -> Topics:
    return Topics(names.input, names.output, names.dead_letters, names.state)


def make(broker: Any, wanted: dict[str, dict[str, Any]]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        admin.create_topics(wanted, wait_for_metadata=True)
    finally:
        admin.close()


def command(broker: Any, names: TopicNames, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MOODSTREAM_")}
    environ |= {
        "MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "MOODSTREAM_KAFKA__TOPIC": names.input,
        "MOODSTREAM_KAFKA__OUTPUT_TOPIC": names.output,
        "MOODSTREAM_KAFKA__DLQ_TOPIC": names.dead_letters,
        "MOODSTREAM_KAFKA__STATE_TOPIC": names.state,
    }
    arguments = (sys.executable, "-m", "stream.topics", *arguments)
    return subprocess.run(arguments, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_makes_what_it_then_finds_right(broker: Any, topic_names: TopicNames) -> None:
    before = command(broker, topic_names, "check")
    assert before.returncode == 1
    assert before.stdout.count("does not exist: python -m stream.topics create") == 4
    made = command(broker, topic_names, "create", "--partitions", "3", "--retention-hours", "2")
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.splitlines() == [f"{name}: made, 3 partitions" for name in topic_names.topics]
    after = command(broker, topic_names, "check")
    assert (after.returncode, after.stdout.splitlines()) == (0, [f"{name}: ok" for name in topic_names.topics])
    again = command(broker, topic_names, "create", "--partitions", "5")
    assert again.returncode == 0
    not_five = "is there already, 3 partitions, not 5: those that are there decide"
    assert again.stdout.splitlines() == [f"{name}: {not_five}" for name in topic_names.topics]
    same = command(broker, topic_names, "create", "--partitions", "3")
    assert same.stdout.splitlines() == [f"{name}: is there already, 3 partitions" for name in topic_names.topics]


def test_nobody_answers(topic_names: TopicNames) -> None:
    class Nobody:
        bootstrap_servers = "localhost:x"

    done = command(Nobody, topic_names, "check")
    assert done.returncode == 2
    assert done.stderr == (
        "moodstream: MOODSTREAM_KAFKA__BOOTSTRAP_SERVERS needs brokers as HOST:PORT, separated by commas, "
        "not 'localhost:x'\n"
    )


def test_a_consumer_is_told_the_number_of_partitions(broker: Any, topic_names: TopicNames) -> None:
    topics = names_of(topic_names)
    with pytest.raises(StreamError, match="does not exist"):
        check(connection(broker), topics)
    create(connection(broker), topics, Plan(partitions=5))
    assert check(connection(broker), topics) == 5
    assert inspect(connection(broker), topics) == []


def test_what_is_missing_follows_what_is_there(broker: Any, topic_names: TopicNames) -> None:
    topics = names_of(topic_names)
    make(broker, {topics.input: {"num_partitions": 3}})
    lines = create(connection(broker), topics, Plan(partitions=8))
    not_eight = "3 partitions, not 8: those that are there decide"
    assert lines[0] == f"{topics.input}: is there already, {not_eight}"
    assert lines[1] == f"{topics.output}: made, {not_eight}"
    assert lines[3] == f"{topics.state}: made, {not_eight}"
    assert check(connection(broker), topics) == 3


def test_what_cannot_work_is_refused_in_one_line(broker: Any, topic_names: TopicNames) -> None:
    topics = names_of(topic_names)
    make(
        broker,
        {
            topics.input: {"num_partitions": 3, "configs": {"cleanup.policy": "compact"}},
            topics.output: {"num_partitions": 1},
            topics.dead_letters: {"num_partitions": 1},
            topics.state: {"num_partitions": 2},
        },
    )
    with pytest.raises(StreamError) as caught:
        check(connection(broker), topics)
    text = str(caught.value)
    assert "\n" not in text
    assert f"{topics.state} has 2 partitions and {topics.input} has 3: they must have as many" in text
    assert f"{topics.state} is not compacted: cleanup.policy must be compact, not delete" in text
    assert f"{topics.input} is compacted, so sound would be lost" in text


def test_what_is_unwise_is_only_said(broker: Any, topic_names: TopicNames, caplog: pytest.LogCaptureFixture) -> None:
    topics = names_of(topic_names)
    make(
        broker,
        {
            topics.input: {"configs": {"message.timestamp.type": "LogAppendTime"}},
            topics.output: {},
            topics.dead_letters: {"configs": {"max.message.bytes": "1000"}},
            topics.state: {"configs": {"cleanup.policy": "compact,delete"}},
        },
    )
    assert check(connection(broker), topics) >= 1
    for said in (
        "bytes a record (max.message.bytes): large chunks need 1600000",
        "replaces the time of capture",
        "takes 1000 bytes a record (max.message.bytes)",
        "deletes old records: cleanup.policy should be compact alone",
    ):
        assert said in caplog.text
    assert not any(each.fatal for each in inspect(connection(broker), topics))


def test_what_the_broker_cannot_make(broker: Any, topic_names: TopicNames) -> None:
    with pytest.raises(StreamError, match=r"the broker does not make topic .*replication factor"):
        create(connection(broker), names_of(topic_names), Plan(partitions=1, replication_factor=99))
