from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.stream.kafka.topic_io import Record, create, read, read_all, send, unique_names

_ROOT = Path(__file__).parents[3]


def test_records_come_back_in_their_order_with_all_they_have(broker, topics):
    sent = [
        Record(b"one", key=b"k", headers=[("h", b"1"), ("empty", b"")], timestamp_ms=1_700_000_000_000, partition=1),
        Record(None, key=b"k", partition=1),
        Record(b"three", key=b"other", partition=0),
    ]
    assert send(broker.bootstrap_servers, topics.input, sent) == [0, 1, 0]
    records = read_all(broker.bootstrap_servers, topics.input)
    assert [(each.partition, each.key, each.value) for each in records] == [
        (0, b"other", b"three"),
        (1, b"k", b"one"),
        (1, b"k", None),
    ]
    assert (records[1].timestamp, list(records[1].headers)) == (1_700_000_000_000, [("h", b"1"), ("empty", b"")])


def test_a_broker_that_was_killed_comes_back_with_its_data(own_broker):
    names = unique_names()
    create(own_broker.bootstrap_servers, names, partitions=1)
    send(own_broker.bootstrap_servers, names.input, [Record(b"before")])
    address = own_broker.bootstrap_servers
    own_broker.kill()
    assert not own_broker.is_running
    own_broker.start()
    send(address, names.input, [Record(b"after")])
    assert [each.value for each in read(address, names.input, count=2)] == [b"before", b"after"]
    own_broker.stop()
    own_broker.start()
    assert [each.value for each in read_all(address, names.input)] == [b"before", b"after"]


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [("SASL_SSL", "SCRAM-SHA-512"), ("SASL_SSL", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-512"), ("SSL", "")],
)
def test_a_secured_broker_lets_in_who_is_known(secured_broker, listener, mechanism):
    admin = KafkaAdminClient(**secured_broker.client(listener, mechanism))
    assert len(admin.describe_cluster()["brokers"]) == 1
    admin.close()


@pytest.mark.parametrize(
    ("listener", "without"),
    [
        ("SASL_SSL", {"sasl_plain_password": "wrong"}),
        ("SASL_SSL", {"ssl_cafile": None}),
        ("SSL", {"ssl_certfile": None, "ssl_keyfile": None}),
    ],
    ids=["wrong password", "authority not trusted", "no certificate"],
)
def test_a_secured_broker_refuses_who_is_not(secured_broker, listener, without):
    with pytest.raises(KafkaError):
        KafkaAdminClient(**{**secured_broker.client(listener), **without}, bootstrap_timeout_ms=1500)


_STARTS_ONE = """
import pathlib, sys, time
from tests.stream.kafka.broker import Broker
broker = Broker(pathlib.Path(sys.argv[1]))
broker.start()
print(broker.bootstrap_servers, flush=True)
time.sleep(300)
"""


def test_a_broker_does_not_outlive_the_process_that_started_it(tmp_path):
    command = [sys.executable, "-c", _STARTS_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        host, port = process.stdout.readline().strip().split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            process.kill()
            with contextlib.suppress(ConnectionResetError):  # another way of hearing that it is gone
                assert connection.recv(1) == b""


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "tests.stream.kafka.broker", "--port", port, "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"port {port} (Kafka's PLAINTEXT) is taken by another program: end that, or choose another port"
    ]
