from __future__ import annotations

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.stream.kafka.client import Record, create, read, read_all, send, unique_names


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
