from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from stream.kafka.tagger.watchdog import Watchdog

_HANGS = """
import threading
from stream.kafka.tagger.watchdog import Watchdog

lock = threading.Lock()
lock.acquire()
with Watchdog(0.3) as watchdog:
    watchdog.beat("waiting for a lock")
    lock.acquire()
"""

_BEATS = """
import sys, time
from stream.kafka.tagger.watchdog import Watchdog

with Watchdog(2.0) as watchdog:
    print("ready", flush=True)
    until = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < until:
        watchdog.beat("turning")
        time.sleep(0.05)
print("done", flush=True)
"""


def test_a_main_thread_that_waits_for_a_lock_ends_the_process_with_a_line_and_code_4() -> None:
    ended = subprocess.run([sys.executable, "-c", _HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 4
    assert ended.stderr == "moodstream: hung for 0 s in waiting for a lock: ending\n"


def test_a_process_that_was_stopped_longer_than_the_limit_goes_on() -> None:
    with subprocess.Popen([sys.executable, "-c", _BEATS, "6"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(4.5)  # longer than the limit: that is what is tested
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout.readline() == "done\n"
    assert process.returncode == 0


def test_beats_keep_it_quiet_and_silence_is_told_with_what_was_going_on() -> None:
    told: list[str] = []
    hung = threading.Event()

    def on_hang(doing: str, seconds: float) -> None:
        told.append(doing)
        hung.set()

    with Watchdog(0.5, on_hang) as watchdog:
        for _ in range(20):
            watchdog.beat("turning")
            assert not hung.wait(0.05)
        watchdog.beat("hanging")
        assert hung.wait(30)
    assert told == ["hanging"]


def test_a_limit_of_0_never_fires_and_none_does_after_the_end() -> None:
    hung = threading.Event()
    with Watchdog(0, lambda *_: hung.set()):
        assert not hung.wait(0.1)
    with Watchdog(0.2, lambda *_: hung.set()):
        pass
    assert not hung.wait(0.5)
