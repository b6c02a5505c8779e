"""Models swapped under a consumer that is killed as well: each window once, each mean of one set of moods."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.contract import load
from tests import models
from tests.stream.kafka import topic_io
from tests.stream.kafka.consumers import Listener
from tests.stream.kafka.log import speak
from tests.stream.kafka.test_consumer import HOP, expected, in_turn, wire
from tests.stream.kafka.topic_io import TopicNames

OTHERS = ("bright", "dark", "sad")
EVENTS = ("--threshold", "0.01", "--threshold-off", "0.01", "--min-duration", "0")  # every mood goes on all the time
STREAMS = ("s0", "s1")


def shown_by(listener: Listener, name: str) -> bool:
    """Whether windows of both streams are out that this model scored."""
    estimates = [each for each in listener.shown if each["type"] == "estimate" and each["model"]["name"] == name]
    return {each["stream"] for each in estimates} == set(STREAMS)


def test_swaps_and_kills_lose_and_double_no_window_and_mix_no_moods(
    broker: Any, topic_names: TopicNames, tmp_path: Path
) -> None:
    servers = broker.bootstrap_servers
    topic_io.create(servers, topic_names, partitions=1)
    files = {
        "first": models.save(tmp_path / "first.onnx", None, models.metadata(name="first")),
        "second": models.save(tmp_path / "second.onnx", models.tiny_network(gain=0.5), models.metadata(name="second")),
        "others": models.save(tmp_path / "others.onnx", models.tiny_network(3), models.metadata(OTHERS, name="others")),
    }
    path = tmp_path / "in-use.onnx"
    path.write_bytes(files["first"].read_bytes())
    chunks = in_turn([speak(name, 28, seed=seed) for seed, name in enumerate(STREAMS)])
    parts = [wire(part) for part in (chunks[:32], chunks[32:56], chunks[56:84], chunks[84:])]
    arguments = ("--model", path, *HOP, *EVENTS, "--group-instance-id", "member-1")
    with Listener(servers, topic_names, tmp_path, *arguments) as listener:
        topic_io.send(servers, topic_names.input, parts[0])
        listener.results(estimates=2 * 6)
        path.write_bytes(files["second"].read_bytes())
        listener.await_said("running averages go on")
        topic_io.send(servers, topic_names.input, parts[1])
        listener.wait_until(lambda: shown_by(listener, "second"), "the second model scores")
        listener.kill()
    path.write_bytes(files["others"].read_bytes())
    with Listener(servers, topic_names, tmp_path, *arguments) as listener:
        topic_io.send(servers, topic_names.input, parts[2])
        listener.wait_until(lambda: shown_by(listener, "others"), "the model of other moods scores")
        path.write_bytes(files["second"].read_bytes())
        listener.process.send_signal(signal.SIGHUP)
        listener.await_said("running averages begin anew")
        topic_io.send(servers, topic_names.input, parts[3][:10])
        listener.wait_until(lambda: shown_by(listener, "second"), "the second model scores again")
        listener.kill()
    with Listener(servers, topic_names, tmp_path, *arguments) as listener:
        topic_io.send(servers, topic_names.input, parts[3][10:])
        found = listener.results(finals=2)
        listener.stop()

    assert found.doubled == []
    alone = {name: expected(load(file), chunks) for name, file in files.items()}
    for stream in STREAMS:
        windows = found.estimates[stream]
        assert [each["window"] for each in windows] == [each["window"] for each in alone["first"].estimates[stream]]
        names = [name for name, _ in itertools.groupby(each["model"]["name"] for each in windows)]
        assert names == ["first", "second", "others", "second"]
        averaged: list[list[float]] = []
        labels: list[str] = []
        for each in windows:
            wanted = alone[each["model"]["name"]].estimates[stream][each["window"]]
            assert each["mood"] == pytest.approx(wanted["mood"], abs=1e-5)
            assert each["model"] == wanted["model"]
            if list(each["mood"]) != labels:
                averaged, labels = [], list(each["mood"])
            averaged.append(list(each["mood"].values()))
            assert each["windows"] == len(averaged)
            assert list(each["running"]) == labels
            np.testing.assert_allclose(list(each["running"].values()), np.mean(averaged, axis=0), atol=1e-6)
        (final,) = found.finals[stream]
        assert (final["windows"], final["running"]) == (len(averaged), windows[-1]["running"])
        changes = [(each["mood_name"], each["event"]) for each in found.of(stream) if each["type"] == "event"]
        for mood in (*models.LABELS, *OTHERS):  # each begins and ends in turn, whoever was killed in between
            phases = [phase for name, phase in changes if name == mood]
            assert phases == ["began", "ended"] * (len(phases) // 2) and phases
