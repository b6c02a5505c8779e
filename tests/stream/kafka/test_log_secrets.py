"""No password for a broker is in the log of a tagger, at its most talkative."""

from __future__ import annotations

from pathlib import Path

from tests.stream.kafka import topic_io
from tests.stream.kafka.consumers import Listener
from tests.stream.kafka.secured import SecuredBroker


def test_a_tagger_that_logs_in_says_nothing_of_its_password(secured_broker: SecuredBroker, tmp_path: Path):
    listener = Listener(
        secured_broker.address("SASL_SSL"),
        topic_io.unique_names(),
        tmp_path,
        *("--security-protocol", "SASL_SSL", "--ssl-cafile", secured_broker.ca_file),
        *("--sasl-username", secured_broker.username, "--log-level", "debug", "--log-format", "json"),
        MOODSTREAM_KAFKA__SASL_PASSWORD=secured_broker.password,
    )
    with listener:
        listener.process.wait(timeout=60)
    assert listener.process.returncode == 1  # it was let in, and there are no topics
    assert "does not exist" in listener.said
    assert "metrics and status at" in listener.said
    assert secured_broker.password not in listener.said + listener.output.read_text()
