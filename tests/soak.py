"""Ten hours of sound through one stream: does memory stay flat?

    python -m tests.soak --hours 10 [--samplerate 44100] [--model FILE]

Feeds raw PCM to `python -m stream.listen --stdin` as fast as it is taken and reads the process's resident memory as it
goes. Exit code 1 if memory grew by more than --allowed MiB after the first tenth, or if a window is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from rich.progress import track

from tests.stream.command import COMMAND, environment
from tests.stream.sound import tune

_PIECE_SECONDS = 60


def main() -> int:
    """Run the soak and print its figures, one line each."""
    options = _options()
    piece = np.repeat(tune(_PIECE_SECONDS, options.samplerate)[:, None], 2, axis=1)
    raw = (piece * 32767).astype("<i2").tobytes()
    pieces = round(options.hours * 3600 / _PIECE_SECONDS)
    arguments = ["--stdin", "--samplerate", str(options.samplerate), "--channels", "2", "--output", "jsonl"]
    if options.model:
        arguments += ["--model", options.model]
    began = time.monotonic()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin
        assert process.stdout
        last: list[bytes] = [b""]
        reader = threading.Thread(target=lambda: [last.__setitem__(0, line) for line in process.stdout])
        reader.start()
        memory = []
        for _ in track(range(pieces), description="soak", disable=not sys.stderr.isatty()):
            process.stdin.write(raw)
            memory.append(_resident_mib(process.pid))
        process.stdin.close()
        reader.join()
    seconds = time.monotonic() - began
    final = json.loads(last[0])
    settled = memory[max(1, pieces // 10) :]
    growth = max(settled) - settled[0]
    expected = pieces * _PIECE_SECONDS * 16000 // 47_872
    print(f"sound      {pieces * _PIECE_SECONDS / 3600:.2f} h, {options.samplerate} Hz stereo, one stream")
    print(f"speed      {pieces * _PIECE_SECONDS / seconds:.0f} x real time ({seconds:.0f} s)")
    print(f"windows    {final['windows']} of {expected}")
    print(f"memory     {settled[0]:.1f} MiB after a tenth, {settled[-1]:.1f} at the end, highest {max(memory):.1f}")
    print(f"growth     {growth:.2f} MiB (allowed {options.allowed:g})")
    return 0 if growth <= options.allowed and final["windows"] == expected else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=10.0, help="of sound (default 10)")
    parser.add_argument("--samplerate", type=int, default=44100, help="of the sound, in Hz (default 44100)")
    parser.add_argument("--model", type=Path, help="an ONNX model (the built-in one unless given)")
    parser.add_argument("--allowed", type=float, default=4.0, help="growth of memory in MiB (default 4)")
    return parser.parse_args()


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
