"""A real browser: Debian's Chromium, driven by Playwright.

def test_it(open_page): page = open_page(server.url)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.stream.web.chromium import find_chromium

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; without one the test is skipped, and in CI it fails."""
    path = find_chromium()
    if path is None:
        assert os.environ.get("CI") != "true", "chromium (Debian: chromium) belongs to the tests' real parts"
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens addresses in pages of a browser without memory; what its console says against one fails the test."""
    contexts = []
    complaints: list[str] = []

    def open_one(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        # That a connection was lost or refused is what some tests are about, and Chromium says so, too.
        lost = re.compile("net::ERR_|status of 503")
        page.on("console", lambda said: None if lost.search(said.text) else complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(20_000)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
