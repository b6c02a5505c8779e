"""A sound server of the test's own, with a microphone that hears what is played.

    from tests.pulse import pulse      # a fixture

    def test_something(pulse):
        pulse.play(Path("song.wav"))                       # into the microphone; returns when it has been played
        with pulse.playing(Path("song.wav")): ...          # the same beside the test; stopped at the end
        pulse.kill(); pulse.start()                        # the server dies and comes back
        subprocess.run([...], env=pulse.environment)       # another process that uses it

It is a real PulseAudio with a null sink, whose monitor is the default source; it needs no sound hardware and no user
session, and runs as root. The test's own process uses it too (``PULSE_SERVER``).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_READY_SECONDS = 30.0
_COMMANDS = """\
load-module module-null-sink sink_name=vmic
set-default-sink vmic
set-default-source vmic.monitor
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
"""


class PulseAudio:
    """One server in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = directory / "native"
        self._commands = directory / "commands.pa"
        self._commands.write_text(_COMMANDS.format(socket=self._socket))
        self._process: subprocess.Popen[bytes] | None = None
        self.variables = {
            "HOME": str(directory),
            "PULSE_COOKIE": str(directory / "cookie"),
            "PULSE_RUNTIME_PATH": str(directory),
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_STATE_PATH": str(directory / "state"),
            "XDG_RUNTIME_DIR": str(directory),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that is to use this server."""
        return {**os.environ, **self.variables}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._socket.unlink(missing_ok=True)
        command = ["pulseaudio", "-n", "-F", self._commands, "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--use-pid-file=no", "--disable-shm=yes", "--log-target=stderr"]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_SECONDS
        while self._pactl("info") != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PulseAudio did not start:\n" + (self._directory / "log").read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Make the server stand still: it keeps its connections and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill the server and start it again."""
        self.kill()
        self.start()

    def play(self, path: Path) -> None:
        """Play a WAV, FLAC or Ogg file into the microphone, to its end."""
        subprocess.run(self._paplay(path), env=self.environment, check=True)

    @contextlib.contextmanager
    def playing(self, path: Path) -> Iterator[None]:
        """Play a file into the microphone until the end of the block."""
        player = subprocess.Popen(self._paplay(path), env=self.environment, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            player.kill()
            player.wait()

    def _paplay(self, path: Path) -> list[str]:
        return ["paplay", "--device=vmic", "--latency-msec=200", str(path)]

    def _pactl(self, *arguments: str) -> int:
        done = subprocess.run(["pactl", *arguments], env=self.environment, capture_output=True, check=False, timeout=30)
        return done.returncode


@contextlib.contextmanager
def pulse_server() -> Iterator[PulseAudio]:
    """Run a server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pulse-") as directory:  # short: a socket's path has 107 bytes at most
        server = PulseAudio(Path(directory))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseAudio]:
    """A server that this process and the commands it starts record from."""
    need_pulse()
    with pulse_server() as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield server


def need_pulse() -> None:
    """Skip the test where PulseAudio or PortAudio is missing; in continuous integration, fail it."""
    missing = [program for program in ("pulseaudio", "paplay", "pactl") if shutil.which(program) is None]
    if importlib.util.find_spec("sounddevice") is None:
        missing.append("the Python package sounddevice")
    if not missing:
        return
    reason = f"a virtual microphone needs {', '.join(missing)} (Debian: pulseaudio pulseaudio-utils libasound2-plugins)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
