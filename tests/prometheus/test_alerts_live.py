"""Alerts fired for real: a Prometheus with our rules, a tagger on a microphone, and what can happen to them."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.contract import DEFAULT_MODEL
from tests.prometheus.server import Prometheus, address_of, hastened, prometheus
from tests.promtool import check_metrics
from tests.pulse import PulseAudio, pulse
from tests.stream.command import start
from tests.stream.files import write

__all__ = ["pulse"]

RATE = 48_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEFAULT_MODEL, tmp_path / "model.onnx"))


@pytest.fixture
def tagger(pulse: PulseAudio, model: Path) -> Iterator[str]:
    """A tagger that records; yields its address."""
    process = start("--mic", "--output", "jsonl", "--model", model, "--metrics-port", "0", env=pulse.variables)
    try:
        yield address_of(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def server(tagger: str, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(tmp_path, [tagger], hastened(tmp_path / "rules", seconds=2)) as running:
        yield running


def test_alerts_fire_and_are_resolved(
    tagger: str, server: Prometheus, pulse: PulseAudio, model: Path, tmp_path: Path
) -> None:
    server.wait_until_firing("MoodstreamSilent")  # nothing is played
    tone = write(tmp_path / "tone.wav", np.full(60 * RATE, 0.1), RATE, codec="pcm_s16le")
    with pulse.playing(tone):
        server.wait_until_resolved("MoodstreamSilent")
        with urllib.request.urlopen(f"http://{tagger}/metrics", timeout=10) as answer:
            check_metrics(answer.read())

        model.rename(model.with_suffix(".away"))
        server.wait_until_firing("MoodstreamModelMissing")
        model.with_suffix(".away").rename(model)
        server.wait_until_resolved("MoodstreamModelMissing")

        content = model.read_bytes()
        model.write_bytes(content[:400])
        server.wait_until_firing("MoodstreamModelRefused")
        model.write_bytes(content)
        server.wait_until_resolved("MoodstreamModelRefused")

        assert "MoodstreamSourceDown" not in server.firing()
        pulse.kill()  # the microphone is unplugged
        server.wait_until_firing("MoodstreamSourceDown")
    pulse.start()
    server.wait_until_resolved("MoodstreamSourceDown")
    (restarts,) = server.query("moodstream_source_restarts_total")
    assert float(restarts["value"][1]) >= 1  # the sound server may come back in more than one go


def test_a_source_that_hangs_is_stale_before_it_is_down(server: Prometheus, pulse: PulseAudio) -> None:
    server.wait_for("time() - moodstream_last_audio_timestamp_seconds < 1")
    pulse.pause()
    server.wait_until_firing("MoodstreamAudioStale")
    server.wait_until_firing("MoodstreamSourceDown")
    server.wait_until_resolved("MoodstreamAudioStale")  # what is known to be down is no riddle
    assert "MoodstreamSourceDown" in server.firing()
    pulse.resume()
    server.wait_until_resolved("MoodstreamSourceDown")
