"""Exactly once while consumers and the broker are killed: a short run of what `make chaos` does for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stream.kafka.broker import Broker
from tests.stream.kafka.chaos.run import Options, run


@pytest.mark.timeout(600)
def test_every_window_is_there_once_whatever_is_killed(
    own_broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", logger="kafka")  # a broker that is away is what we want
    options = Options(seed=20, faults=12, streams=12, partitions=4, speed=1.5)
    report = run(options, own_broker, tmp_path, show=lambda _: None)
    assert report.is_good, str(report)[:3000]
