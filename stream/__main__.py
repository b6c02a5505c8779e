"""``python -m stream``: listen to the microphone or, where there is none, to the demo. What ``make run`` starts.

All options are those of ``python -m stream.listen``; one that names a source is obeyed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stream import listen
from stream.common.errors import StreamError


def main(argv: Sequence[str]) -> int:
    """Run ``stream.listen`` and return its exit code."""
    return listen.main(argv, choose_source)


def choose_source() -> str:
    """Return the flag of the microphone, or that of the demo where there is none; standard error says which."""
    if has_microphone():
        return "--mic"
    sys.stderr.write("no microphone: listening to the built-in demo (you hear nothing; --help shows other sources)\n")
    return "--demo"


def has_microphone() -> bool:
    """Return whether the default microphone can be opened."""
    from stream.sources.devices import check_form, devices, find_device, fresh_sounddevice  # noqa: PLC0415 -- when asked

    try:
        sounddevice = fresh_sounddevice()
        device = find_device(devices(sounddevice), None)
        check_form(sounddevice, device, device.samplerate, 1)
    except StreamError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
