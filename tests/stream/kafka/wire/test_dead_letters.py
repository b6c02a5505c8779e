"""Dead letters on a real broker: looked at and sent again, each once, by the command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stream.kafka.wire.chunks import ChunkError
from stream.kafka.wire.dead_letters import dead_letter_headers, original_headers
from tests.stream.command import environment
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import Record

WHEN = 1_700_000_000_000  # 2023-11-14T22:13:20Z
CHUNK_HEADERS = [("content-type", b"audio/L16; rate=16000"), ("x-seq", b"7"), ("traceparent", b"\xff\x00")]


def letter(topics, reason="missing_header", *, key=b"mic-7", value=b"\0\1", offset=17, message="x-seq is missing"):
    error = ChunkError(reason, message, "HEADER_CONVERTER")
    headers = dead_letter_headers(
        CHUNK_HEADERS, topic=topics.input, partition=1, offset=offset, stage=error.stage, class_name="x", error=error
    )
    return Record(key=key, value=value, headers=headers, timestamp_ms=WHEN, partition=0)


def run(broker, topics, *arguments, code=0):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "stream.dead_letters", *arguments),
            *("--bootstrap-servers", broker.bootstrap_servers, "--dlq-topic", topics.dead_letters),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_headers_are_those_of_kafka_connect_and_come_off_again():
    error = ChunkError("bad_key", "the key is not UTF-8", "KEY_CONVERTER")
    where = {"topic": "audio.chunks", "partition": 3, "offset": 17, "stage": error.stage, "class_name": "here"}
    headers = dead_letter_headers(CHUNK_HEADERS, **where, error=error)
    assert headers[: len(CHUNK_HEADERS)] == CHUNK_HEADERS
    assert dict(headers[len(CHUNK_HEADERS) :]) == {
        "__connect.errors.topic": b"audio.chunks",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"17",
        "__connect.errors.stage": b"KEY_CONVERTER",
        "__connect.errors.class.name": b"here",
        "__connect.errors.exception.class.name": b"stream.kafka.chunk_error.ChunkError",
        "__connect.errors.exception.message": b"the key is not UTF-8",
        "moodstream.error.reason": b"bad_key",
    }
    assert original_headers(headers) == CHUNK_HEADERS
    assert dead_letter_headers(headers, **where, error=error) == headers  # a letter of a letter has them once
    strange = dead_letter_headers([("x-track", None)], **where, error=ValueError("\udcff" * 5000))
    assert strange[0] == ("x-track", b"")
    assert all(len(value) <= 4000 for _, value in strange)


def test_list(broker, topics):
    letters = [
        letter(topics),
        letter(topics, "undecodable", key=b"\xff\x1b[2J", message="not\nFLAC", offset=18),
        letter(topics, "corrupt", key=None, value=b"", offset=19),
        Record(b"not ours", partition=1),
    ]
    topic_io.send(broker.bootstrap_servers, topics.dead_letters, letters)
    lines = run(broker, topics, "list").splitlines()
    assert f"2023-11-14T22:13:20.000Z  missing_header  mic-7  {topics.input}[1]@17  x-seq is missing" in lines
    assert rf"2023-11-14T22:13:20.000Z  undecodable  \xff\x1b[2J  {topics.input}[1]@18  not\nFLAC" in lines
    assert any(line.endswith("unknown  -  ?[?]@?  -") for line in lines)
    assert len(lines) == 5
    assert lines[-1].startswith("4 letters in the topic: 1 ")
    assert run(broker, topics, "list", "--reason", "corrupt").splitlines()[-1] == "1 letter in the topic: 1 corrupt"
    assert len(run(broker, topics, "list", "--limit", "2").splitlines()) == 3

    (record,) = map(
        json.loads, run(broker, topics, "list", "--reason", "undecodable", "--output", "jsonl").splitlines()
    )
    assert record == {
        "time": "2023-11-14T22:13:20.000Z",
        "stream": "\\xff\x1b[2J",
        "reason": "undecodable",
        "topic": topics.input,
        "partition": 1,
        "offset": 18,
        "stage": "HEADER_CONVERTER",
        "message": "not\nFLAC",
        "bytes": 2,
        "letter": {"partition": 0, "offset": 1},
    }


def test_resend_sends_each_once(broker, topics):
    topic_io.send(
        broker.bootstrap_servers,
        topics.dead_letters,
        [
            letter(topics, "model", value=b"1"),
            letter(topics, "undecodable", value=b"2"),
            letter(topics, "model", value=b"3"),
            letter(topics, "corrupt", value=b""),
            Record(key=b"k", value=b"somebody else's", partition=0),
        ],
    )
    dry = run(broker, topics, "resend", "--dry-run").splitlines()
    assert dry[0] == "3 letters would be sent again: 2 model, 1 undecodable"
    assert topic_io.read_all(broker.bootstrap_servers, topics.input) == []

    first = run(broker, topics, "resend", "--reason", "model").splitlines()
    assert first[0] == "2 letters sent again: 2 model"
    assert "duplicate" in first[-1]
    records = topic_io.read_all(broker.bootstrap_servers, topics.input)
    assert [(each.key, each.value, each.partition, each.timestamp) for each in records] == [
        (b"mic-7", b"1", 1, WHEN),
        (b"mic-7", b"3", 1, WHEN),
    ]
    assert list(records[0].headers) == CHUNK_HEADERS

    second = run(broker, topics, "resend").splitlines()
    assert second[:2] == [
        "1 letter sent again: 1 undecodable",
        "2 letters had been sent again before: --from-beginning sends them once more",
    ]
    assert sum("cannot be sent" in line for line in second) == 2
    assert run(broker, topics, "resend").splitlines()[0] == "0 letters sent again"

    topic_io.send(broker.bootstrap_servers, topics.dead_letters, [letter(topics, "model", value=b"4")])
    assert run(broker, topics, "resend", "--reason", "model").splitlines()[0] == "1 letter sent again: 1 model"
    values = [each.value for each in topic_io.read_all(broker.bootstrap_servers, topics.input)]
    assert values == [b"1", b"3", b"2", b"4"]

    again = run(broker, topics, "resend", "--from-beginning").splitlines()
    assert again[0] == "4 letters sent again: 3 model, 1 undecodable"


def test_a_letter_whose_topic_is_gone_is_said(broker, topics, topic_names):
    gone = [
        (name, b"no-such-topic" if name.endswith("errors.topic") else value) for name, value in letter(topics).headers
    ]
    topic_io.send(broker.bootstrap_servers, topics.dead_letters, [Record(key=b"k", value=b"v", headers=gone)])
    assert run(broker, topics, "resend").splitlines() == [
        "0 letters sent again",
        "1 letter cannot be sent: there is no topic no-such-topic",
    ]


def test_a_letter_that_the_broker_refuses_or_another_program_wrote_stops_no_other(broker, topics):
    def to(name):
        return [
            (header, name.encode() if header.endswith("errors.topic") else value)
            for header, value in letter(topics).headers
        ]

    theirs = [(name, value) for name, value in to(topics.state) if name != "moodstream.error.reason"]
    topic_io.send(
        broker.bootstrap_servers,
        topics.dead_letters,
        [
            letter(topics, "model", value=b"1"),
            Record(value=b"a compacted topic takes no record without a key", partition=0, headers=to(topics.state)),
            Record(key=b"k", value=b"a state of theirs", partition=0, headers=theirs),
            Record(key=b"k", value=b"a circle", partition=0, headers=to(topics.dead_letters)),
            letter(topics, "model", value=b"2"),
        ],
    )
    lines = run(broker, topics, "resend").splitlines()
    assert lines[0] == "2 letters sent again: 2 model"
    assert "1 letter cannot be sent: it names no moodstream.error.reason: another program wrote it" in lines
    assert any(line.startswith("1 letter cannot be sent: the broker refuses it: ") for line in lines)
    assert "1 letter cannot be sent: it came from the topic of dead letters" in lines
    assert [each.value for each in topic_io.read_all(broker.bootstrap_servers, topics.input)] == [b"1", b"2"]
    assert topic_io.read_all(broker.bootstrap_servers, topics.state) == []
    assert run(broker, topics, "resend").splitlines()[0] == "0 letters sent again"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "say what to do: list or resend"),
        (["show"], 2, "'show' is unknown; say list or resend"),
        (["list", "--dry-run"], 2, "--dry-run belongs to resend, not to list"),
        (["resend", "--limit", "2"], 2, "--limit belongs to list, not to resend"),
        (["list"], 1, "there is no topic"),
    ],
)
def test_mistakes_are_said_in_one_line(broker, topic_names, arguments, code, message):
    said = run(broker, topic_names, *arguments, code=code)
    assert message in said
    assert len(said.splitlines()) == 1
