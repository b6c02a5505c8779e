"""What the tagger says of rebalances: one line each, however many partitions."""

from __future__ import annotations

import logging

import pytest

from stream.kafka.tagger.tagger import Report


def test_a_rebalance_is_one_line_when_all_go_on(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "stream.kafka.tagger.tagger")
    report = Report(None, "audio.chunks")
    report.rebalance(given=range(3), taken=[])
    for partition in range(3):
        report.restored(partition, seconds=0.1 * (partition + 1), streams=partition)
    report.settled()
    report.settled()  # nothing has happened since
    assert caplog.messages == ["partitions: 0, 1, 2 given, none taken away; 0, 1, 2 restored in 0.30 s with 3 streams"]


def test_a_rebalance_amid_a_rebalance_is_in_the_same_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "stream.kafka.tagger.tagger")
    report = Report(None, "audio.chunks")
    report.rebalance(given=[0, 1], taken=[])
    report.restored(0, seconds=0.1, streams=1)
    report.restored(1, seconds=0.1, streams=5)
    report.rebalance(given=[], taken=[1])
    report.settled()
    assert caplog.messages == ["partitions: 0 given, 1 taken away; 0 restored in 0.10 s with 1 stream"]


def test_partitions_taken_away_are_a_line_and_those_read_again_too(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "stream.kafka.tagger.tagger")
    report = Report(None, "audio.chunks")
    report.rebalance(given=[], taken=[4])
    report.settled()
    report.restored(2, seconds=0.25, streams=7)  # after a transaction that failed
    report.settled()
    assert caplog.messages == [
        "partitions: none given, 4 taken away; none restored in 0.00 s with 0 streams",
        "partitions: none given, none taken away; 2 restored in 0.25 s with 7 streams",
    ]
