from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.sources.devices import Device, check_form, devices, find_device, fresh_sounddevice
from stream.sources.microphone import MicrophoneSource, list_devices
from stream.tagging.audio import AudioChunk
from tests.pulse import PulseAudio
from tests.stream import command
from tests.stream.sources.microphones import jumps, listen, lost, ups_and_downs
from tests.stream.sources.sounds import chunks_of, music, samples_of

RATE = 44100


def find(needle: np.ndarray, hay: np.ndarray) -> int:
    """Return where one signal of shape (n,) is in another, by correlation."""
    size = 1 << (len(hay) + len(needle)).bit_length()
    spectrum = np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(hay)]))


def test_what_is_played_is_heard(pulse: PulseAudio, song: Path):
    for _ in range(3):  # a machine too busy to record without losing anything gets another chance
        items = record(pulse, song)
        assert ups_and_downs(items) == ["up"]
        assert sum(jumps(items)) == pytest.approx(lost(items), abs=1e-3)
        if not jumps(items):
            break
    heard, sound = samples_of(items), music(1.5, RATE)
    at = find(sound[:, 0], heard[:, 0])
    np.testing.assert_allclose(heard[at : at + len(sound)], sound, atol=2e-4)
    captured = [chunk.captured_at for chunk in chunks_of(items)]
    assert captured == sorted(captured)


def record(pulse: PulseAudio, song: Path) -> list:
    """Play a song into the microphone and return all that was heard meanwhile."""
    played = threading.Event()
    ends: list[int] = []

    def until(items: list) -> bool:
        if len(chunks_of(items)) == 1 and isinstance(items[-1], AudioChunk):  # the microphone is open
            threading.Thread(target=lambda: (pulse.play(song), played.set())).start()
        if played.is_set():
            ends.append(len(items))
        return len(ends) > 10  # a second more than the player thought it took

    return listen(until, samplerate=RATE, channels=2)


@pytest.mark.parametrize(("samplerate", "channels"), [(8000, 1), (96000, 6), (None, None)])
def test_rates_and_channels(pulse: PulseAudio, samplerate, channels):
    items = listen(lambda items: len(chunks_of(items)) > 2, samplerate=samplerate, channels=channels)
    assert {chunk.samplerate for chunk in chunks_of(items)} == {samplerate or RATE}
    assert {chunk.samples.shape[1] for chunk in chunks_of(items)} == {channels or 2}
    assert {chunk.samples.dtype for chunk in chunks_of(items)} == {np.dtype(np.float32)}


def test_a_stop_is_honoured(pulse: PulseAudio):
    stop = Stop()
    heard = threading.Event()
    thread = threading.Thread(target=lambda: [heard.set() for _ in MicrophoneSource(stop, device="pulse")])
    thread.start()
    assert heard.wait(30)
    stop.request()
    thread.join(10)
    assert not thread.is_alive()


def test_devices_are_listed(pulse: PulseAudio):
    table = list_devices()
    assert any("pulse" in line and "44100 Hz" in line for line in table.splitlines())
    assert "*" in table


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"device": "theremin"}, "no microphone is called 'theremin'; there are: .*pulse"),
        ({"device": "99"}, "no microphone is called '99'; there are: .*pulse"),
        ({"device": "L"}, "several microphones are called 'L': .*pulse.*default"),
        (
            {"device": "pulse", "samplerate": 1_000_000},
            "pulse does not record at 1000000 Hz; it does at 8000, .*192000",
        ),
        ({"device": "pulse", "channels": 99}, "pulse records 32 channels at most, not 99"),
    ],
)
def test_what_the_device_refuses_is_said_with_what_works(pulse: PulseAudio, options, complaint):
    with pytest.raises(UsageError, match=complaint):
        list(MicrophoneSource(Stop(), **options))


def test_looking_for_devices_leaves_standard_error_to_others(pulse: PulseAudio, capfd: pytest.CaptureFixture[str]):
    """ALSA would fill it, and what other threads write meanwhile must not be lost."""
    fresh_sounddevice()
    capfd.readouterr()
    over = threading.Event()
    written: list[str] = []

    def log() -> None:
        while not over.wait(0.002):
            written.append(f"line {len(written)}")
            os.write(2, f"{written[-1]}\n".encode())

    thread = threading.Thread(target=log)
    thread.start()
    try:
        for _ in range(3):
            sounddevice = fresh_sounddevice()
            check_form(sounddevice, find_device(devices(sounddevice), "pulse"), 44100, 2)
    finally:
        over.set()
        thread.join()
    assert written
    assert capfd.readouterr().err.splitlines() == written


def test_devices_are_listed_where_standard_error_is_closed(pulse: PulseAudio):
    closed = ["sh", "-c", 'exec "$0" -m stream.listen --list-devices 2>&-', sys.executable]
    done = subprocess.run(closed, env=pulse.environment, capture_output=True, check=True, text=True)
    assert "pulse" in done.stdout


def test_a_portaudio_that_fails_is_one_line(pulse: PulseAudio):
    sounddevice = fresh_sounddevice()
    sounddevice._terminate()
    with pytest.raises(StreamError, match=r"cannot list the microphones: .*not initialized"):
        devices(sounddevice)


def test_a_portaudio_that_does_not_start_is_one_line(pulse: PulseAudio):
    broken = "pcm.front { type hw card 98 }\nctl.broken { type hw card 99 }\n"
    Path(pulse.environment["HOME"], ".asoundrc").write_text(broken)
    done = command.listen("--list-devices", **pulse.variables)
    assert done.returncode == 1
    assert "PortAudio does not start" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_microphone_at_all(pulse: PulseAudio):
    pulse.kill()
    with pytest.raises(StreamError, match="no microphone"):
        list(MicrophoneSource(Stop()))
    assert "no microphone" in list_devices()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(StreamError, match="-m pip install sounddevice"):
        list_devices()


def test_a_missing_library_is_named(monkeypatch):
    """The package as it is, on a machine that has no PortAudio."""
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(StreamError, match="libportaudio2"):
        list_devices()


def device(index: int, name: str, api: str = "ALSA", main: bool = True, default: bool = False) -> Device:
    return Device(index, name, api, 2, 48000, default, main)


def test_a_whole_name_is_meant_before_a_part_of_another():
    found = [device(0, "USB Audio"), device(1, "USB")]
    assert find_device(found, "usb").index == 1
    assert find_device(found, "audio").index == 0
    assert find_device(found, "0").index == 0


def test_a_device_listed_under_several_sound_systems_is_that_of_the_main_one():
    found = [device(0, "Mic (USB)", "MME"), device(3, "Mic (USB)", "WASAPI", main=False)]
    assert find_device(found, "usb").index == 0
    assert find_device(found, "3").index == 3


def test_without_a_default_one_must_be_chosen():
    assert find_device([device(0, "a"), device(1, "b", default=True)], None).index == 1
    with pytest.raises(UsageError, match="0 a, 1 b"):
        find_device([device(0, "a"), device(1, "b")], None)
    with pytest.raises(StreamError, match="no microphone was found"):
        find_device([], None)
