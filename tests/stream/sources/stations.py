"""What the tests of internet radio share.

items = listen(f"{address}/live", until=lambda items: len(chunks_of(items)) > 5)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.sources.radio import UrlSource
from tests.stream.sources.sounds import (
    music,
    statuses_of,
    write,
)


def listen(url: str, until: Callable[[list], bool] = lambda _: False, timeout: float = 30.0) -> list:
    """Listen until the end, or until a condition on what was heard so far holds."""
    stop = Stop()
    items: list = []
    source = UrlSource(url, stop, timeout=timeout, backoff=Backoff(0.01, 0.05))
    for item in source:
        items.append(item)
        if until(items):
            stop.request()
    source.close()
    return items


def kinds(items: list) -> list[str]:
    return [status.kind for status in statuses_of(items)]


def mp3(directory: Path, seconds: float = 4.0, rate: int = 44100, channels: int = 2, seed: int = 0) -> bytes:
    """Bare frames as a station sends them, without tags."""
    path = directory / "bare.mp3"
    options = {"write_xing": "0", "id3v2_version": "0"}
    write(path, music(seconds, rate, channels, seed), rate, "libmp3lame", options=options)
    return path.read_bytes()
