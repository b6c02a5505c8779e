"""No password and no listener's key is in what the command says, at its most talkative, in either format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stream.command import listen
from tests.stream.files import write
from tests.stream.sound import tune
from tests.stream.sources.web import Handler, serving

SECRET = "hunter2-is-secret"


@pytest.mark.parametrize(("path", "log_format", "code"), [("song", "text", 0), ("nothing", "json", 1)])
def test_a_password_and_a_key_in_an_address(path: str, log_format: str, code: int, tmp_path: Path):
    song = write(tmp_path / "song.wav", tune(4.0), 16_000).read_bytes()

    def play(handler: Handler) -> None:
        handler.begin("audio/wav", Content_Length=len(song))
        handler.wfile.write(song)

    query = f"?key={SECRET}"
    with serving({f"/song{query}": play}) as address:
        secret = address.replace("http://", f"http://ann:{SECRET}@")
        options = ["--log-level", "debug", "--log-format", log_format, "--output", "jsonl", "--metrics-port", "0"]
        run = listen(*options, MOODSTREAM_URL=f"{secret}/{path}{query}")
    assert run.returncode == code
    assert "metrics and status at" in run.stderr
    assert SECRET not in run.stderr + run.stdout
    assert "ann:" not in run.stderr + run.stdout
    if log_format == "json":
        assert all(json.loads(line)["level"] in ("DEBUG", "INFO", "ERROR") for line in run.stderr.splitlines())


@pytest.mark.parametrize(
    "url", [f"http://ann:{SECRET} x@h/x", f"ann:{SECRET}@h/x", f"http://ann:{SECRET}/@h", f"http://h:x/?{SECRET}"]
)
def test_an_address_that_cannot_be_used(url: str):
    run = listen("--url", url, "--metrics-port", "off")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert SECRET not in run.stderr + run.stdout
