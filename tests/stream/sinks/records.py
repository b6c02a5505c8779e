"""Records to feed to sinks: one maker a type, every field with a fixed default."""

from __future__ import annotations

from typing import Any

from stream.tagging.record import Estimate, Event, Final, ModelId, Status

MODEL = ModelId("demo", "1.0", "ab" * 32)
LABELS = ["happy", "sad", "calm"]
TIME = "2026-01-01T00:00:38.916Z"

HOSTILE = [
    "\x1b[31mred\x1b]0;title\x07",
    "[bold]markup[/bold] [/nothing]",
    "two\r\nlines\ttab\x00nul\u2028sep",
    "\u202eesrever\u200b",
    "=HYPERLINK(1)",
    'quote", comma',
    "\udcff undecodable",
    "日本語の曲名🎵" * 20,
    "",
    "other",
]


def estimate(**changes: Any) -> Estimate:
    fields: dict[str, Any] = {
        "stream": "mic",
        "track": None,
        "window": 12,
        "start_sample": 574464,
        "start_s": 35.904,
        "end_s": 38.896,
        "status": "ok",
        "rms_dbfs": -23.1,
        "mood": {"happy": 0.61, "sad": 0.07, "calm": 0.3},
        "running": {"happy": 0.55, "sad": 0.09, "calm": 0.25},
        "windows": 13,
        "model": MODEL,
        "inference_ms": 4.2,
        "time": TIME,
    }
    return Estimate(**fields | changes)


def final(**changes: Any) -> Final:
    fields: dict[str, Any] = {
        "stream": "mic",
        "track": None,
        "start_sample": 0,
        "start_s": 0.0,
        "end_s": 41.9,
        "status": "ok",
        "rms_dbfs": -22.0,
        "running": {"happy": 0.55, "sad": 0.09, "calm": 0.25},
        "windows": 13,
        "silent_windows": 0,
        "gap_windows": 1,
        "model": MODEL,
        "time": TIME,
    }
    return Final(**fields | changes)


def event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "stream": "mic",
        "track": None,
        "mood": "happy",
        "phase": "began",
        "at_s": 5.984,
        "probability": 0.72,
        "time": TIME,
    }
    return Event(**fields | changes)


def status(**changes: Any) -> Status:
    fields: dict[str, Any] = {
        "stream": "mic",
        "status": "overflow",
        "detail": "sound was dropped",
        "lost_s": 0.5,
        "time": TIME,
    }
    return Status(**fields | changes)


def one_of_each() -> list[Estimate | Final | Event | Status]:
    return [
        estimate(),
        estimate(window=13, start_s=38.896, status="silence", rms_dbfs=-120.0, mood=None, inference_ms=None),
        estimate(window=14, start_s=41.888, status="gap", rms_dbfs=None, mood=None, inference_ms=None),
        event(),
        status(),
        final(),
        final(running=None, windows=0, gap_windows=0, end_s=2.5, error="truncated: no more could be decoded"),
    ]
