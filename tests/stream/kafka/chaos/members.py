"""The consumers of a chaos run: real processes, each with its output and its log in a file of its own.

    members = Members(folder, servers, names, model, options)
    member = members.start()
    members.kill(member); members.stop(member, 6.0); members.terminate(member)
    members.tick()                          # lets those that stood still go on, looks at those that ended

What a process says when it ends by itself is kept: it may (a broker that is away, an identity that another has), but in
one clear line.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tests.stream.command import COMMAND, environment

_TERM_SECONDS = 40.0
_ABORTED = re.compile(r"(?:repeated (\d+) times in \d+ s: )?a transaction failed")
_RESTORED = re.compile(r"\d restored in ([\d.]+) s")


@dataclasses.dataclass(eq=False, slots=True)
class Member:
    """One process.

    Attributes:
        number: of the process.
        slot: which of the names for static membership it has.
        process: itself.
        output: file with its results.
        log: file with its log.
        began_at: when it was started.
        resumes_at: when it goes on, if it stands still.
        asked_at: when it was told to end, if it was.
    """

    number: int
    slot: int
    process: subprocess.Popen[bytes]
    output: Path
    log: Path
    began_at: float = dataclasses.field(default_factory=time.monotonic)
    resumes_at: float | None = None
    asked_at: float | None = None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began_at

    @property
    def is_running(self) -> bool:
        """Whether it is there, and neither stands still nor is about to end."""
        return self.process.poll() is None and self.resumes_at is None and self.asked_at is None


class Members:
    """All consumers of a run."""

    def __init__(self, folder: Path, arguments: Sequence[str], *, static: bool) -> None:
        """Take what all of them are told.

        Args:
            folder: for their files.
            arguments: of the command.
            static: whether a process that replaces another takes over its name.
        """
        self.problems: list[str] = []
        """What no process should do: a traceback, an end without a word, no end when told."""
        self.exits: Counter[str] = Counter()
        """How processes ended by themselves."""
        self._folder = folder
        self._arguments = list(arguments)
        self._static = static
        self._alive: list[Member] = []
        self._all: list[Member] = []

    @property
    def running(self) -> list[Member]:
        """Those that work."""
        return [member for member in self._alive if member.is_running]

    @property
    def alive(self) -> list[Member]:
        """Those that work, and those that stand still: all that are not told to end."""
        return [member for member in self._alive if member.asked_at is None and member.process.poll() is None]

    def start(self) -> Member:
        """Start another."""
        number = len(self._all)
        slot = min(set(range(len(self._alive) + 1)) - {member.slot for member in self._alive})
        output, log = (self._folder / f"consumer-{number:03}.{kind}" for kind in ("jsonl", "log"))
        name = ["--group-instance-id", f"chaos-{slot}"] if self._static else []
        with output.open("wb") as out, log.open("wb") as err:
            process = self._spawn([*COMMAND, *self._arguments, *name], out, err)
        member = Member(number, slot, process, output, log)
        self._alive.append(member)
        self._all.append(member)
        return member

    def kill(self, member: Member) -> None:
        """End it as a crash would."""
        member.process.kill()
        member.process.wait()
        self._alive.remove(member)
        self._read_log(member)

    def stop(self, member: Member, seconds: float) -> None:
        """Make it stand still for so long."""
        member.process.send_signal(signal.SIGSTOP)
        member.resumes_at = time.monotonic() + seconds

    def terminate(self, member: Member) -> None:
        """Tell it to end in order."""
        member.process.terminate()
        member.asked_at = time.monotonic()

    def tick(self, wanted: int | None = None) -> None:
        """Let go on what stood still for long enough, and look at what ended; start others until ``wanted`` work."""
        now = time.monotonic()
        for member in list(self._alive):
            if member.resumes_at is not None and now >= member.resumes_at:
                member.process.send_signal(signal.SIGCONT)
                member.resumes_at = None
            if member.process.poll() is not None:
                self._alive.remove(member)
                self._judge(member)
            elif member.asked_at is not None and now > member.asked_at + _TERM_SECONDS:
                self.problems.append(f"consumer {member.number} did not end within {_TERM_SECONDS:g} s of SIGTERM")
                self.kill(member)
        while wanted is not None and len(self.alive) < wanted:
            self.start()

    def close(self) -> None:
        """End all in order, and wait for it."""
        for member in self._alive:
            member.resumes_at = 0.0 if member.resumes_at is not None else None
            if member.asked_at is None:
                self.terminate(member)
        while self._alive:
            self.tick()
            time.sleep(0.05)  # between two looks at processes

    def abandon(self) -> None:
        """End whatever is still there at once."""
        for member in self._alive:
            member.process.kill()
            member.process.wait()
        self._alive.clear()

    def lines(self) -> Iterator[str]:
        """Yield the whole lines that all wrote to their standard outputs; a crash may have cut the last of each."""
        for member in self._all:
            with member.output.open(encoding="utf-8", errors="replace") as lines:
                yield from (line for line in lines if line.endswith("\n"))

    def restores(self) -> list[float]:
        """Return how long it took until all partitions of a member were restored, in seconds, shortest first."""
        return sorted(
            float(found) for member in self._all for found in _RESTORED.findall(member.log.read_text(errors="replace"))
        )

    def aborted(self) -> int:
        """Return how many transactions failed, as far as those lived on that had them."""
        return sum(
            int(times or 1)
            for member in self._all
            for times in _ABORTED.findall(member.log.read_text(errors="replace"))
        )

    def _judge(self, member: Member) -> None:
        code = member.process.returncode
        self._read_log(member)
        if code == 128 + signal.SIGTERM and member.asked_at is not None:
            return
        if code == -signal.SIGTERM and member.asked_at is not None and not member.log.read_text(errors="replace"):
            return  # it had not even begun
        lines = member.log.read_text(errors="replace").splitlines()
        last = lines[-1] if lines else "(nothing)"
        self.exits[f"exit code {code}: {last}"] += 1
        if code <= 0 or member.asked_at is not None or not last.startswith("moodstream: "):
            self.problems.append(f"consumer {member.number} ended with exit code {code}: {last}")

    def _read_log(self, member: Member) -> None:
        text = member.log.read_text(errors="replace")
        if "Traceback (most recent call last)" in text:
            self.problems.append(f"consumer {member.number}: a traceback in {member.log.name}")

    @staticmethod
    def _spawn(command: list[str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        tied = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        return subprocess.Popen(
            [*tied, *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment(),
            start_new_session=True,
        )
