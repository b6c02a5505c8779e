"""``python -m stream``: listen to the microphone or, where there is none, to the demo. What ``make run`` starts.

All options are those of ``python -m stream.listen``; one that names a source is obeyed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from stream import listen
from stream.errors import UsageError
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
    """Return whether the system has a default sound input that can be opened."""
    try:
        import sounddevice  # noqa: PLC0415 -- an extra, and it starts the sound system

        sounddevice.check_input_settings()
    except (ImportError, OSError, ValueError, sounddevice.PortAudioError):
        return False  # without the extra, without the PortAudio library, without a device
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
