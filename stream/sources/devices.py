"""The microphones of this machine, by PortAudio.

print(list_devices())
device = find_device(devices(fresh_sounddevice()), "usb")      # by number, or by part of a name
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from stream.common.errors import StreamError, UsageError, missing

_ALSA_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
_JACK_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
# The libraries keep pointers to these, so they must never be collected.
_alsa_says_nothing = _ALSA_HANDLER(lambda *_: None)
_jack_says_nothing = _JACK_HANDLER(lambda _: None)


def silence() -> None:
    """Do so for this process; a library that is not loaded says nothing anyway."""
    if sys.platform != "linux":
        return
    mode = os.RTLD_NOLOAD | os.RTLD_NOW
    with contextlib.suppress(OSError):
        ctypes.CDLL("libasound.so.2", mode).snd_lib_error_set_handler(_alsa_says_nothing)
    with contextlib.suppress(OSError):
        jack = ctypes.CDLL("libjack.so.0", mode)
        jack.jack_set_error_function(_jack_says_nothing)
        jack.jack_set_info_function(_jack_says_nothing)


_USUAL_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)


@dataclasses.dataclass(frozen=True, slots=True)
class Device:
    """Something that records.

    Attributes:
        index: PortAudio's number for it, until devices come or go.
        name: what the system calls it.
        api: the sound system that it belongs to: ALSA, Core Audio, WASAPI, ...
        channels: how many it records at most.
        samplerate: its own rate, in Hz.
        is_default: it is what the system records from unless told otherwise.
        is_main: it belongs to the system's default sound system (Windows lists every device under several).
    """

    index: int
    name: str
    api: str
    channels: int
    samplerate: int
    is_default: bool
    is_main: bool


def fresh_sounddevice() -> Any:
    """Return the sounddevice module with PortAudio's list of devices read anew.

    PortAudio reads the list once, when it starts, so it is started again. That ends streams that are open.

    Raises:
        StreamError: the package or the PortAudio library is missing or does not start.
    """
    is_fresh = "sounddevice" not in sys.modules
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
    except ImportError:
        raise missing("the microphone", "sounddevice") from None
    except OSError:
        raise StreamError(
            "the microphone needs the PortAudio library: apt install libportaudio2 (macOS: brew install portaudio)"
        ) from None
    except Exception as error:  # a PortAudioError: its class cannot be had from a module that fails to import
        raise StreamError(f"PortAudio does not start: {error}") from None
    silence()
    if not is_fresh:
        with _said_as(sounddevice, "PortAudio does not start"):
            if sounddevice._initialized:
                sounddevice._terminate()
            # Its own _initialize points standard error elsewhere meanwhile, for all threads.
            sounddevice._check(sounddevice._lib.Pa_Initialize(), "Error initializing PortAudio")
            sounddevice._initialized += 1
    return sounddevice


def devices(sounddevice: Any) -> list[Device]:
    """Return everything that records.

    Raises:
        StreamError: PortAudio cannot say.
    """
    default = sounddevice.default.device[0]
    with _said_as(sounddevice, "PortAudio cannot list the microphones"):
        apis, all_devices = sounddevice.query_hostapis(), sounddevice.query_devices()
    main = apis[sounddevice.default.hostapi]["name"] if apis else ""
    return [
        Device(
            index,
            found["name"],
            apis[found["hostapi"]]["name"],
            found["max_input_channels"],
            round(found["default_samplerate"]),
            index == default,
            apis[found["hostapi"]]["name"] == main,
        )
        for index, found in enumerate(all_devices)
        if found["max_input_channels"] > 0
    ]


def list_devices() -> str:
    """Return a table of the microphones for people, with the default marked.

    Raises:
        StreamError: PortAudio is missing, or fails.
    """
    found = devices(fresh_sounddevice())
    if not found:
        return "no microphone was found\n"
    width = max(len(device.name) for device in found)
    rows = [
        f"{'*' if device.is_default else ' '} {device.index:3}  {device.name:{width}}  "
        f"{device.channels:3} ch  {device.samplerate:6} Hz  {device.api}"
        for device in found
    ]
    return "\n".join([*rows, "* the default; --device takes a number or part of a name", ""])


def find_device(found: Sequence[Device], wanted: str | None) -> Device:
    """Return the device that is meant.

    Args:
        found: all there are.
        wanted: a number, a name, or part of a name in any case; None is the default.

    Raises:
        UsageError: none or several are meant; those that there are, or are meant, are named.
        StreamError: there are none.
    """
    if not found:
        raise StreamError("no microphone was found (is one plugged in, and does the sound server run?)")
    if wanted is None:
        meant = [device for device in found if device.is_default]
        if not meant:
            raise UsageError(f"no microphone is the default: choose one by --device: {_names(found)}")
        return meant[0]
    if wanted.strip().isdecimal():
        meant = [device for device in found if device.index == int(wanted)]
    else:
        name = wanted.strip().casefold()
        meant = [device for device in found if device.name.casefold() == name]
        meant = meant or [device for device in found if name in device.name.casefold()]
        meant = [device for device in meant if device.is_main] or meant
    if not meant:
        raise UsageError(f"no microphone is called {wanted!r}; there are: {_names(found)}")
    if len(meant) > 1:
        raise UsageError(f"several microphones are called {wanted!r}: {_names(meant)}")
    return meant[0]


def check_form(sounddevice: Any, device: Device, samplerate: int, channels: int) -> None:
    """See that a device records in a form.

    Raises:
        UsageError: it does not; what it does is named.
        StreamError: it cannot be opened.
    """
    if channels > device.channels:
        raise UsageError(f"{device.name} records {device.channels} channels at most, not {channels}")
    if _works(sounddevice, device, samplerate, channels):
        return
    rates = [rate for rate in _USUAL_RATES if _works(sounddevice, device, rate, channels)]
    if not rates:
        raise StreamError(f"{device.name} cannot be opened (is another program recording from it?)")
    raise UsageError(f"{device.name} does not record at {samplerate} Hz; it does at {', '.join(map(str, rates))}")


def _works(sounddevice: Any, device: Device, samplerate: int, channels: int) -> bool:
    try:
        sounddevice.check_input_settings(device.index, channels, "float32", samplerate=samplerate)
    except sounddevice.PortAudioError:
        return False
    return True


def _names(found: Sequence[Device]) -> str:
    return ", ".join(f"{device.index} {device.name}" for device in found)


@contextlib.contextmanager
def _said_as(sounddevice: Any, failure: str) -> Iterator[None]:
    """Make a PortAudioError a StreamError that says what failed."""
    try:
        yield
    except sounddevice.PortAudioError as error:
        raise StreamError(f"{failure}: {error}") from None
