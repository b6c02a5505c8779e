"""Keeps the libraries below PortAudio from writing to standard error of every device and server that is not there.

    silence()       # once PortAudio is loaded

By the libraries' own hooks: what matters of it PortAudio returns as errors. (To point standard error elsewhere
meanwhile would lose what other threads log, for as long as a sound server hangs.)
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

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
