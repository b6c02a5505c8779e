"""Logging: one event a line, in text and JSON, our levels and the libraries'."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from stream.common import log, process
from stream.common.errors import StreamError, UsageError
from tests.stream.sinks.records import HOSTILE

ours = logging.getLogger("stream.test")
library = logging.getLogger("library.test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)
    for name in ("moodstream", "stream", "model"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def fail() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        ours.exception("it failed:\r\n%s", "here")


def test_text_is_one_line_an_event_with_its_extras() -> None:
    out = io.StringIO()
    log.configure("info", "text", out)
    ours.warning("the server stalled", extra={"stream": "radio"})
    fail()
    first, second = out.getvalue().splitlines()
    time, rest = first.split(" ", 1)
    assert rest == "WARNING stream.test: the server stalled stream=radio"
    assert time.endswith("Z")
    assert "ERROR stream.test: it failed:\\r\\nhere\\nTraceback" in second
    assert "ValueError: first\\nsecond" in second


def test_no_name_reaches_the_terminal_as_more_than_text() -> None:
    out = io.StringIO()
    log.configure("info", "text", out)
    for name in HOSTILE:
        ours.warning("no such file: %s", name, extra={"stream": name})
    lines = out.getvalue().split("\n")[:-1]
    assert len(lines) == len(HOSTILE)
    assert all(line.isprintable() for line in lines)
    assert "no such file: \\x1b[31mred" in lines[0]


def test_json_is_one_object_a_line() -> None:
    out = io.StringIO()
    log.configure("info", "json", out)
    ours.warning("the server\nstalled", extra={"stream": "radio"})
    fail()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "WARNING",
        "logger": "stream.test",
        "message": "the server\nstalled",
        "stream": "radio",
    }
    assert "ValueError: first" in second["exc_info"]


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["ours debug", "ours info", "ours error", "library error"]),
        ("info", ["ours info", "ours error", "library error"]),
        ("error", ["ours error", "library error"]),
    ],
)
def test_levels_are_ours_and_libraries_are_heard_from_warnings_on(level: log.Level, heard: list[str]) -> None:
    out = io.StringIO()
    log.configure(level, "text", out)
    for logger, name in ((ours, "ours"), (library, "library")):
        logger.debug("%s debug", name)
        logger.info("%s info", name)
        logger.error("%s error", name)
    assert [line.split(": ")[1] for line in out.getvalue().splitlines()] == heard


def test_configured_twice_an_event_is_logged_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.configure("info", "text", first)
    log.configure("info", "json", second)
    ours.info("once")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_standard_error_is_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log.configure("info", "text")
    screen = io.StringIO()  # as a live screen puts itself before standard error
    monkeypatch.setattr(sys, "stderr", screen)
    ours.info("above the bars")
    assert "above the bars" in screen.getvalue()


def test_no_standard_error_stops_nobody(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "text")
    monkeypatch.setattr(sys, "stderr", None)  # as Python has it where the descriptor was closed before the start
    ours.error("nowhere to go")
    assert capfd.readouterr() == ("", "")


def test_a_full_or_closed_standard_error_stops_nobody() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 -- a device, not a path of ours
        log.configure("info", "text", full)
        ours.info("nowhere to go")
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_what_the_message_says_already_is_not_said_twice() -> None:
    out = io.StringIO()
    log.configure("info", "text", out)
    ours.warning("mic: source down: unplugged", extra={"stream": "mic", "track": None})
    ours.warning("microphone unplugged", extra={"stream": "mic", "track": "Song 2"})
    first, second = out.getvalue().splitlines()
    assert first.endswith(": mic: source down: unplugged")
    assert second.endswith(": microphone unplugged stream=mic track=Song 2")


def test_json_has_stream_and_track_where_there_are_any() -> None:
    out = io.StringIO()
    log.configure("info", "json", out)
    ours.warning("mic: source down: unplugged", extra={"stream": "mic", "track": None})
    event = json.loads(out.getvalue())
    assert event["stream"] == "mic"
    assert "track" not in event


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_address_is_logged_without_its_user_password_and_query(format: log.Format) -> None:
    out = io.StringIO()
    log.configure("debug", format, out)
    ours.debug("no answer from %s", "https://ann:s3cr3t@radio.example/live?x=1")
    ours.error("tried http://s3cr3t@a/, then http://b/c@d", extra={"url": "ftp://ann:s3c@r3t@host"})
    ours.warning("the server stalled", extra={"url": 'http://radio.example/live?né"\\=s3cr3t'})
    try:
        raise ValueError("http://ann:s3cr3t@radio.example/?s3cr3t refused")
    except ValueError:
        ours.exception("it failed")
    said = out.getvalue()
    assert "s3c" not in said
    assert "https://***@radio.example/live?***" in said
    assert "http://b/c@d" in said
    if format == "json":
        assert all(json.loads(line) for line in said.splitlines())


def test_the_last_words_of_a_command_are_an_event_where_the_log_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("error", "json")
    assert process.complain(StreamError("no model\nat http://ann:s3cr3t@host/x?s3cr3t")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["level"], event["logger"]) == ("ERROR", "moodstream")
    assert event["message"] == "no model\nat http://***@host/x?***"
    log.configure("error", "text")
    assert process.complain(UsageError("no model\nat http://ann:s3cr3t@host/x?s3cr3t")) == 2
    assert capsys.readouterr().err == "moodstream: no model\\nat http://***@host/x?***\n"
