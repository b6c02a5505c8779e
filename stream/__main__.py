"""``python -m stream``: listen to the microphone or, where there is none, to the demo. What ``make run`` starts.

All options are those of ``python -m stream.listen``; one that names a source is obeyed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from stream import listen
from stream.errors import StreamError, UsageError
from stream.settings import NoSourceError, parse


def main(argv: Sequence[str]) -> int:
    """Run ``stream.listen`` and return its exit code."""
    with contextlib.suppress(UsageError):  # any but the missing source is for stream.listen to say
        try:
            parse(argv, os.environ)
        except NoSourceError:
            argv = ["--mic" if has_microphone() else "--demo", *argv]
    return listen.main(argv)


def has_microphone() -> bool:
    """Return whether the default microphone can be opened."""
    from stream.sources.devices import check_form, devices, find_device, fresh_sounddevice  # noqa: PLC0415 -- not for --help

    try:
        sounddevice = fresh_sounddevice()
        device = find_device(devices(sounddevice), None)
        check_form(sounddevice, device, device.samplerate, 1)
    except StreamError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
