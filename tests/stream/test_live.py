"""The whole path on a real sound server: a song is played, its mood comes out, and the server may die meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.contract import DEFAULT_MODEL, load
from model.resample import resample
from stream.tagging.session import Session
from tests.pulse import PulseAudio, pulse
from tests.stream.command import start
from tests.stream.files import write
from tests.stream.sound import chunks, finals, listen

__all__ = ["pulse"]

RATE = 48_000
SECONDS = 22  # with 3 s of silence 8.4 windows: not on the edge of one


class Listening:
    """A running command whose records are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.records: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, condition: Callable[[list[dict[str, Any]]], bool], seconds: float = 60) -> None:
        """Wait until the records so far fulfil a condition."""
        with self._news:
            met = self._news.wait_for(lambda: condition(self.records) or self._ended, timeout=seconds)
        assert met
        assert condition(self.records), self.records

    def end(self) -> list[dict[str, Any]]:
        """End it as Ctrl-C does and return all records."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 130
        self._reader.join()
        return self.records

    @property
    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.records.append(json.loads(line))
                self._news.notify_all()


@pytest.fixture
def song(music: Path, tmp_path: Path) -> Path:
    """A second of silence and twenty-two of a real song, as WAV."""
    with av.open(str(sorted((music / "emotify").glob("rock-*.opus"))[0])) as container:
        rate = container.streams.audio[0].rate
        mono = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1).mean(axis=0)
    sound = resample(mono.astype(np.float32), rate, RATE)[RATE * 5 : RATE * (5 + SECONDS)]
    # The server may swallow the first tenth of a second of a player that starts: let it be silence.
    return write(tmp_path / "song.wav", np.concatenate([np.zeros(RATE, np.float32), sound]), RATE, codec="pcm_s16le")


@pytest.fixture
def microphone(pulse: PulseAudio, tmp_path: Path) -> Iterator[Listening]:
    """The command, recording."""
    with (tmp_path / "log").open("w") as log:
        process = start("--mic", "--output", "jsonl", "--metrics-port", "off", env=pulse.variables, stderr=log)
        listening = Listening(process)
        try:
            yield listening
        finally:
            process.kill()
            process.wait()
            listening._reader.join()
            assert process.stdout is not None
            process.stdout.close()


def is_up(records: list[dict[str, Any]]) -> bool:
    return any(record["type"] == "status" and record["status"] == "up" for record in records)


def scored(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == "estimate" and record["status"] == "ok"]


def test_a_song_played_into_the_microphone_has_the_mood_of_its_file(
    pulse: PulseAudio, microphone: Listening, song: Path
) -> None:
    microphone.wait_for(is_up)
    pulse.play(song)
    microphone.wait_for(lambda records: any(record["type"] == "final" for record in records))
    (heard, *_) = [record for record in microphone.end() if record["type"] == "final"]

    with av.open(str(song)) as container:
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    played = samples.reshape(-1, 1)[:, 0].astype(np.float32) / 32768
    # The microphone's track begins with the song's first sound and ends with the silence after it.
    with_silence = np.concatenate([played, np.zeros(3 * RATE, np.float32)])
    (expected,) = finals(listen(Session("file", load(DEFAULT_MODEL), live=True), chunks(with_silence, RATE)))
    assert heard["windows"] == expected.windows == 8
    assert heard["running"] == pytest.approx(expected.running, abs=0.02)


def test_a_sound_server_that_dies_and_comes_back_is_a_gap(pulse: PulseAudio, microphone: Listening, song: Path) -> None:
    microphone.wait_for(is_up)
    with pulse.playing(song):
        microphone.wait_for(lambda records: len(scored(records)) >= 1)
        pulse.kill()
        microphone.wait_for(lambda records: any(record.get("status") == "down" for record in records))
    pulse.start()
    with pulse.playing(song):
        before = len(scored(microphone.records))
        microphone.wait_for(lambda records: len(scored(records)) > before)
    records = microphone.end()
    statuses = [record["status"] for record in records if record["type"] == "status"]
    assert statuses == ["up", "down", "up"]
    back = [record for record in records if record["type"] == "status"][-1]
    assert back["lost_s"] > 0
    assert any(record["type"] == "estimate" and record["status"] == "gap" for record in records)
    finals_ = [record for record in records if record["type"] == "final"]
    assert "gap" in [record["status"] for record in finals_]
