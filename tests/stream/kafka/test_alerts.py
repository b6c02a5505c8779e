"""A broker that is stopped: an alert fires in a real Prometheus, and is resolved when the broker is back."""

from __future__ import annotations

import re
from pathlib import Path

from tests.prometheus.server import hastened, prometheus
from tests.promtool import check_metrics
from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.consumers import Listener


def test_a_broker_that_is_stopped_and_comes_back(own_broker: Broker, tmp_path: Path):
    names = topic_io.unique_names()
    topic_io.create(own_broker.bootstrap_servers, names)
    with Listener(own_broker.bootstrap_servers, names, tmp_path) as listener:
        listener.await_ready()
        check_metrics(listener.get("/metrics")[1].encode())
        found = re.search(r"metrics and status at http://(\S+)/", listener.said)
        assert found is not None
        with prometheus(tmp_path, [found[1]], hastened(tmp_path / "rules", seconds=4)) as server:
            server.wait_for("time() - moodstream_kafka_last_heartbeat_timestamp_seconds < 3")
            assert "MoodstreamBrokerAway" not in server.firing()
            own_broker.kill()
            server.wait_until_firing("MoodstreamBrokerAway")
            own_broker.start()
            server.wait_until_resolved("MoodstreamBrokerAway")
