"""The way to a real broker: with TLS and a user, and in words where there is none. No secret appears anywhere."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from stream.common.errors import StreamError
from stream.kafka.client.connection import Connection, connect
from stream.settings.kafka import ConnectionOptions
from tests.stream.command import start
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.certificates import Certificates
from tests.stream.kafka.secured import SecuredBroker
from tests.stream.kafka.topic_io import create, unique_names

pytestmark = pytest.mark.timeout(120)

SECRET = "hunter2-is-secret"
LOGIN = "org.apache.kafka.common.security"


def connection(**options: Any) -> Connection:
    return Connection.of(ConnectionOptions(**options))


def reach(found: Connection) -> int:
    """Return the number of brokers that a client finds."""
    admin: Any = connect(lambda: KafkaAdminClient(**found.config()), found)
    try:
        return len(admin.describe_cluster()["brokers"])
    finally:
        admin.close()


def refusal(found: Connection, timeout_s: float = 15.0) -> str:
    with pytest.raises(StreamError) as caught:
        connect(lambda: KafkaAdminClient(**found.config()), found, timeout_s)
    text = str(caught.value)
    assert caught.value.exit_code == 1
    assert "\n" not in text
    assert SECRET not in text
    return text


def user(broker: SecuredBroker, listener: str = "SASL_SSL", **changes: Any) -> dict[str, Any]:
    usual = {
        "bootstrap_servers": broker.address(listener),
        "security_protocol": listener,
        "sasl_username": broker.username,
        "sasl_password": broker.password,
        "ssl_cafile": broker.ca_file if listener.endswith("SSL") else None,
    }
    return {**usual, **changes}


class TestLetIn:
    @pytest.mark.parametrize("listener", ["SASL_SSL", "SASL_PLAINTEXT"])
    @pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
    def test_a_user(self, secured_broker: SecuredBroker, listener: str, mechanism: str) -> None:
        assert reach(connection(**user(secured_broker, listener, sasl_mechanism=mechanism))) == 1

    def test_a_certificate_with_a_locked_key(self, secured_broker: SecuredBroker) -> None:
        certificates = secured_broker.certificates
        options = {
            "bootstrap_servers": secured_broker.address("SSL"),
            "security_protocol": "SSL",
            "ssl_cafile": secured_broker.ca_file,
            "ssl_certfile": certificates.client,
            "ssl_keyfile": certificates.encrypted_client_key,
            "ssl_key_password": certificates.KEY_PASSWORD,
        }
        assert reach(connection(**options)) == 1
        alone = {key: value for key, value in options.items() if key not in ("ssl_certfile", "ssl_keyfile")}
        assert "wants a certificate of ours that it trusts: --ssl-certfile" in refusal(connection(**alone))

    def test_a_properties_file(self, secured_broker: SecuredBroker, tmp_path: Path) -> None:
        path = tmp_path / "client.properties"
        path.write_text(
            f"bootstrap.servers={secured_broker.address('SASL_SSL')}\nsecurity.protocol=SASL_SSL\n"
            f"sasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={LOGIN}.scram.ScramLoginModule required "
            f'username="{secured_broker.username}" password="{secured_broker.password}";\n'
            f"ssl.truststore.type=PEM\nssl.truststore.location={secured_broker.ca_file}\n"
        )
        assert reach(connection(kafka_properties=path)) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("mechanism", "changes"),
        [
            ("SCRAM-SHA-512", {"sasl_password": SECRET}),
            ("PLAIN", {"sasl_password": SECRET}),
            ("SCRAM-SHA-512", {"sasl_username": "no=bo,dy"}),
        ],
    )
    def test_a_wrong_name_or_password(
        self, secured_broker: SecuredBroker, mechanism: str, changes: dict[str, str]
    ) -> None:
        options = user(secured_broker, sasl_mechanism=mechanism, **changes)
        expected = f"refuses user {options['sasl_username']} with {mechanism}: name or password is wrong"
        assert expected in refusal(connection(**options))

    def test_a_certificate_that_is_not_trusted(self, secured_broker: SecuredBroker, tmp_path: Path) -> None:
        other = Certificates(tmp_path / "other").ca
        text = refusal(connection(**user(secured_broker, ssl_cafile=other)))
        assert "is not trusted" in text
        assert "--ssl-cafile" in text
        assert "is not trusted" in refusal(connection(**user(secured_broker, ssl_cafile=None)))

    def test_a_certificate_for_another_name(self, secured_broker: SecuredBroker) -> None:
        port = secured_broker.address("SASL_SSL").rpartition(":")[2]
        options = user(secured_broker, bootstrap_servers=f"127.1:{port}")  # the same machine under another name
        assert "is for another name" in refusal(connection(**options))

    @pytest.mark.parametrize(
        ("listener", "changes", "said"),
        [
            ("SASL_SSL", {"security_protocol": "SASL_PLAINTEXT", "ssl_cafile": None}, "speaks TLS"),
            ("SASL_PLAINTEXT", {"security_protocol": "SASL_SSL"}, "does not speak TLS"),
            ("PLAINTEXT", {"security_protocol": "SASL_PLAINTEXT"}, "takes no users: --security-protocol PLAINTEXT"),
            ("SASL_PLAINTEXT", {"sasl_mechanism": "SCRAM-SHA-256"}, "does not know SCRAM-SHA-256"),
            ("CONTROLLER", {"security_protocol": "SASL_PLAINTEXT"}, "takes no users"),
        ],
    )
    def test_another_protocol(
        self, secured_broker: SecuredBroker, listener: str, changes: dict[str, Any], said: str
    ) -> None:
        assert said in refusal(connection(**user(secured_broker, listener, **changes)))

    def test_no_user_where_one_is_wanted(self, secured_broker: SecuredBroker) -> None:
        found = connection(bootstrap_servers=secured_broker.address("SASL_PLAINTEXT"))
        assert "if it wants a user: --security-protocol SASL_PLAINTEXT" in refusal(found, 1.0)

    def test_nobody(self) -> None:
        with socket.socket() as taken:  # bound and not listening: nobody else gets the port
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            text = refusal(connection(bootstrap_servers=address), 1.0)
        assert text == f"no broker answers at {address}: connection refused (waited 1 s)"
        assert "the host is not known" in refusal(connection(bootstrap_servers="nobody.invalid:9092"), 1.0)


class Heard(logging.Handler):
    """What reaches the root logger; `event` is set when a text is heard."""

    def __init__(self, text: str) -> None:
        super().__init__(logging.DEBUG)
        self.text, self.event = text, threading.Event()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if self.text in record.getMessage():
            self.event.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    root = logging.getLogger()
    handler = Heard("waiting for it")
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_broker_that_is_away_is_one_line_and_is_waited_for(own_broker: Broker, heard: Heard) -> None:
    found = connection(bootstrap_servers=own_broker.bootstrap_servers)
    names = unique_names()
    consumer: Any = connect(lambda: KafkaConsumer(**found.config(), enable_auto_commit=False), found)
    create(own_broker.bootstrap_servers, names, partitions=1)
    reached: list[int] = []
    thread = threading.Thread(target=lambda: reached.append(reach(found)))
    try:
        consumer.assign([TopicPartition(names.input, 0)])
        consumer.seek_to_beginning()
        consumer.poll(timeout_ms=500)
        own_broker.kill()
        consumer.poll(timeout_ms=2000)
        thread.start()
        assert heard.event.wait(30)
        own_broker.start()
        thread.join(60)
    finally:
        consumer.close()
    assert reached == [1]
    by_logger = Counter(record.name for record in heard.records)
    assert by_logger["stream.kafka.client"] == 1
    assert "a broker's connection failed and is tried again" in " ".join(each.getMessage() for each in heard.records)
    assert not [name for name in by_logger if name.partition(".")[0] == "kafka"]


class TestSecrets:
    def run(self, *arguments: str, **environ: str) -> str:
        """Run a command with all its logging and return everything that it says."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MOODSTREAM_")}
        done = subprocess.run(
            [sys.executable, "-m", *arguments, "--log-level", "debug"],
            env={**clean, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def test_none_is_said(self, secured_broker: SecuredBroker, tmp_path: Path) -> None:
        flags = [
            *("--bootstrap-servers", secured_broker.address("SASL_SSL"), "--security-protocol", "SASL_SSL"),
            *("--sasl-username", secured_broker.username, "--ssl-cafile", str(secured_broker.ca_file)),
        ]
        let_in = self.run("stream.topics", "check", *flags, MOODSTREAM_KAFKA__SASL_PASSWORD=secured_broker.password)
        assert "audio.chunks does not exist" in let_in
        assert secured_broker.password not in let_in
        for word in ("check", "--print-config"):
            refused = self.run("stream.topics", word, *flags, "--sasl-password", SECRET)
            assert ("refuses user" if word == "check" else "flag --sasl-password") in refused
            assert SECRET not in refused

    def test_print_config_leaves_them_out(self, tmp_path: Path) -> None:
        yaml = tmp_path / "c.yaml"
        yaml.write_text(f"kafka: {{enabled: true, sasl_username: u, sasl_password: {SECRET}}}\n")
        shown = self.run(
            "stream.listen", "--print-config", "--config", str(yaml), MOODSTREAM_KAFKA__SSL_KEY_PASSWORD=SECRET
        )
        assert SECRET not in shown
        assert "# sasl_password: (secret)" in shown
        assert "environment variable MOODSTREAM_KAFKA__SSL_KEY_PASSWORD" in shown


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_tagger_that_waits_for_a_broker_heeds_a_stop(signum: int, code: int) -> None:
    with socket.socket() as nobody:  # bound, and not listening: it refuses, and nobody else can take the port
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with start("--kafka", "--bootstrap-servers", address, "--metrics-port", "off") as process:
            assert process.stderr is not None
            try:
                while "waiting for it" not in (line := process.stderr.readline()):
                    assert line
                process.send_signal(signum)
                assert process.stderr.read() == ""
            finally:
                process.kill()
    assert process.returncode == code
