"""Pictures of the live page for the documentation, from the records of a real run of the demo.

python -m tests.stream.web.screenshots docs        # live-light.png live-dark.png live-phone.png live-many.png

Needs Chromium and ffmpeg; with the font Inter installed (Debian: fonts-inter) the letters are those of the pictures
there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, expect, sync_playwright

from stream.tagging.audio import AudioChunk
from stream.tagging.record import Estimate, ModelId, Record, power_of
from stream.web.feed import LiveFeed
from tests.stream import command
from tests.stream.sinks.screenshot import parse
from tests.stream.web.chromium import find_chromium
from tests.stream.web.client import served

_ROOMS = ["bar", "café", "chapel", "cinema", "corridor 2", "dance floor", "garden", "gym", "hall", "kitchen", "library"]
_ROOMS += ["lobby", "lounge", "roof terrace", "spa", "studio A", "studio B", "terrace", "waiting room", "workshop"]
_COLOURS = 256
_DESK = {"width": 1280, "height": 800}
_PHONE = {"width": 390, "height": 844}


def demo_records() -> list[Record]:
    """The demo's records, up to its last window."""
    done = command.listen("--demo", "--as-fast-as-possible", "--output", "jsonl", "--metrics-port", "off")
    records = [parse(json.loads(line)) for line in done.stdout.splitlines()]
    last = max(index for index, record in enumerate(records) if isinstance(record, Estimate) and record.mood)
    return records[: last + 1]


def feed_of(records: Sequence[Record]) -> LiveFeed:
    """A feed that was told these."""
    feed = LiveFeed()
    for record in records:
        if isinstance(record, Estimate):
            feed.model(ModelId(record.model.name, record.model.version, record.model.sha256))
        feed.emit(record)
    return feed


def rooms(records: Sequence[Record]) -> list[Record]:
    """The same run in many rooms, each at another place in it."""
    estimates = [record for record in records if isinstance(record, Estimate)]
    chosen: list[Record] = []
    for number, room in enumerate(_ROOMS):
        estimate = estimates[(number * 7) % len(estimates)]
        fields = {name: getattr(estimate, name) for name in Estimate.__slots__}
        chosen.append(Estimate(**fields | {"stream": room}))
    return chosen


def take(browser: Browser, feed: LiveFeed, stream: str | None, loud: float, path: Path, **options: Any) -> None:
    """Photograph the page that this feed tells."""
    with served(feed) as server:
        page = browser.new_page(**options)
        page.goto(server.url)
        expect(page.locator("h1:visible")).to_have_count(1)
        if stream is not None:
            # The level that was measured, as sound that has it: what is shown is what the page would show then.
            sound = np.full((160, 1), power_of(loud) ** 0.5, np.float32)
            expect(page.locator("#one")).to_be_visible()
            while page.locator("#level-text").text_content() == "–":
                feed.audio(AudioChunk(stream, sound, 16_000, 0))
                page.wait_for_timeout(100)
        page.wait_for_timeout(2000)  # bars and points have come to rest
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder, "page.png")
            page.screenshot(path=whole)
            fewer = f"split[a][b];[a]palettegen=max_colors={_COLOURS}[p];[b][p]paletteuse=dither=sierra2_4a"
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", whole, "-vf", fewer, path], check=True)
        page.close()
    print(f"{path}: {path.stat().st_size // 1024} KiB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.stream.web.screenshots", description="Photograph the page.")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder = parser.parse_args(arguments).folder
    chromium = find_chromium()
    if chromium is None:
        sys.exit("chromium is not installed (Debian: apt-get install chromium)")
    records = demo_records()
    last = records[-1]
    assert isinstance(last, Estimate) and last.rms_dbfs is not None
    one = (last.stream, last.rms_dbfs)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for name, options in {
            "light": {"viewport": _DESK, "color_scheme": "light"},
            "dark": {"viewport": _DESK, "color_scheme": "dark"},
            "phone": {"viewport": _PHONE, "color_scheme": "dark"},
        }.items():
            take(browser, feed_of(records), *one, folder / f"live-{name}.png", **options)
        take(browser, feed_of(rooms(records)), None, 0, folder / "live-many.png", viewport=_DESK, color_scheme="dark")
        browser.close()


if __name__ == "__main__":
    main()
