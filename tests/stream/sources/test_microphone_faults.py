from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stream.common.stop import Stop
from stream.sources.microphone import MicrophoneSource
from stream.tagging.audio import AudioChunk, SourceStatus
from tests.pulse import PulseAudio
from tests.stream.sources.microphones import jumps, kinds, listen, lost, ups_and_downs
from tests.stream.sources.sounds import chunks_of, statuses_of


def test_a_sound_server_that_dies_is_waited_for_and_leaves_a_gap(pulse: PulseAudio, song: Path):
    def until(items: list) -> bool:
        if len(chunks_of(items)) == 5 and ups_and_downs(items) == ["up"]:
            pulse.kill()
        if is_news(items[-1], "down"):
            pulse.start()
        return ups_and_downs(items) == ["up", "down", "up"] and len(chunks_of(items)) > 15

    with pulse.playing(song):
        items = listen(until)
    _, down, up = (status for status in statuses_of(items) if status.kind != "overflow")
    assert "pulse" in down.detail
    assert sum(jumps(items)) == pytest.approx(lost(items), abs=1e-3)
    assert up.lost_seconds > 0


def test_a_device_that_falls_silent_is_opened_again(pulse: PulseAudio):
    """The server stands still without closing anything: no callback, no error."""

    def until(items: list) -> bool:
        if len(chunks_of(items)) == 5 and ups_and_downs(items) == ["up"]:
            pulse.pause()
        if is_news(items[-1], "down"):
            pulse.resume()
        return ups_and_downs(items) == ["up", "down", "up"]

    items = listen(until, dead_after=3.0)
    assert ups_and_downs(items) == ["up", "down", "up"]


def test_a_device_that_opens_and_brings_nothing_is_said_to_be_down(pulse: PulseAudio):
    suspend(pulse, True)

    def until(items: list) -> bool:
        if is_news(items[-1], "down"):
            suspend(pulse, False)
        return bool(chunks_of(items))

    items = listen(until, dead_after=3.0)
    assert kinds(items) == ["down", "up"]
    assert "brings no sound" in statuses_of(items)[0].detail
    assert lost(items) == 0


def suspend(pulse: PulseAudio, yes: bool) -> None:
    """Make the microphone bring nothing, or let it bring sound again."""
    command = ["pactl", "suspend-sink", "vmic", str(int(yes))]
    subprocess.run(command, env=pulse.environment, check=True)


def is_news(item: object, kind: str) -> bool:
    return isinstance(item, SourceStatus) and item.kind == kind


def test_sound_that_is_not_taken_in_time_is_dropped_and_counted(pulse: PulseAudio):
    def until(items: list) -> bool:
        if len(items) == 5:
            Stop().wait(1.5)  # a program that is too slow
        return "overflow" in kinds(items) and len(items) > 15

    items = listen(until, queue_seconds=0.3)
    overflows = [status for status in statuses_of(items) if status.kind == "overflow"]
    assert sum(status.lost_seconds for status in overflows) == pytest.approx(sum(jumps(items)), abs=1e-3)
    assert sum(jumps(items)) > 0.5
    assert max(chunk.queued for chunk in chunks_of(items)) <= 4


def test_a_stop_is_honoured_while_the_sound_server_hangs(pulse: PulseAudio):
    stop = Stop()
    source = MicrophoneSource(stop, device="pulse", dead_after=3.0)
    kinds_so_far = []
    for item in source:
        if isinstance(item, AudioChunk):
            pulse.pause()
        else:
            if item.kind != "overflow":
                kinds_so_far.append(item.kind)
            if item.kind == "down":  # now it is being closed, which the server does not answer
                stop.request()
    assert kinds_so_far == ["up", "down"]
    pulse.resume()
    source.close()
