"""No password is in the log of the command, at its most talkative, in either format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stream.command import listen
from tests.stream.files import write
from tests.stream.sound import tune
from tests.stream.sources.web import Handler, serving

SECRET = "hunter2-is-secret"


@pytest.mark.parametrize(("path", "log_format", "code"), [("song", "text", 0), ("nothing", "json", 1)])
def test_a_password_in_an_address(path: str, log_format: str, code: int, tmp_path: Path):
    song = write(tmp_path / "song.wav", tune(4.0), 16_000).read_bytes()

    def play(handler: Handler) -> None:
        handler.begin("audio/wav", Content_Length=len(song))
        handler.wfile.write(song)

    with serving({"/song": play}) as address:
        secret = address.replace("http://", f"http://ann:{SECRET}@")
        options = ["--log-level", "debug", "--log-format", log_format, "--output", "jsonl", "--metrics-port", "0"]
        run = listen(*options, MOODSTREAM_URL=f"{secret}/{path}")
    assert run.returncode == code
    assert "metrics and status at" in run.stderr
    assert SECRET not in run.stderr + run.stdout
    assert "ann:" not in run.stderr + run.stdout
