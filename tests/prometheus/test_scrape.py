"""Metrics of a file that plays, as promtool sees them; of a microphone and of Kafka, see where alerts are fired."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.prometheus.server import address_of
from tests.promtool import check_metrics
from tests.stream.command import start
from tests.stream.files import write
from tests.stream.sound import tune


def test_a_file(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", tune(60.0), 16_000)
    process = start("--file", song, "--realtime", "--hop-seconds", "0.5", "--output", "jsonl", "--metrics-port", "0")
    try:
        address = address_of(process)
        assert process.stdout is not None
        estimates = (line for line in process.stdout if json.loads(line)["type"] == "estimate")
        next(estimates)
        stream = json.loads(next(estimates))["stream"]  # and the first is measured by now
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read()
        check_metrics(text)
        assert f'moodstream_mood_probability{{mood="happy",stream="{stream}"}}'.encode() in text
        assert b"_created" not in text
    finally:
        process.kill()
        process.communicate()
