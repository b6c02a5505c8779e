"""The live page in a real browser, told by a real server."""

from __future__ import annotations

import itertools
import json
import math
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from stream.tagging.record import ModelId
from stream.web.app import page_files
from stream.web.events import MOST_CLIENTS
from stream.web.feed import LiveFeed
from tests.stream import command
from tests.stream.sinks import records
from tests.stream.web.audit import DOUBLE, MOVING, NAMELESS, PALE
from tests.stream.web.client import Events, served, wait_until
from tests.stream.web.conftest import OpenPage

FOUR = {"happy": 0.71, "angry": 0.1, "sad": 0.2, "calm": 0.4}
PHONE = {"width": 360, "height": 740}
EVIL = '<img src=x onerror="document.title=1">\'"&amp;\u202eesrever'


def a_feed(streams: int = 1, **changes: Any) -> LiveFeed:
    feed = LiveFeed()
    feed.model(ModelId("demo model", "1.0", "x"))
    for number in range(streams):
        for window in range(12):
            fields = {"stream": f"room {number}", "track": "a song", "mood": FOUR, "running": FOUR, **changes}
            feed.emit(records.estimate(window=window, start_s=3.0 * window, end_s=3.0 * (window + 1), **fields))
        feed.emit(records.event(stream=f"room {number}", mood="happy"))
    return feed


@contextmanager
def demo(port: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Runs the demo, and yields what it says on standard output, once it has said something."""
    process = command.start("--demo", "--output", "jsonl", "--metrics-port", str(port))
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        yield map(json.loads, itertools.chain([first], process.stdout))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def free_port() -> int:
    with closing(socket.socket()) as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def test_a_running_demo_and_its_restart(open_page: OpenPage) -> None:
    port = free_port()
    with demo(port) as said:
        page = open_page(f"http://127.0.0.1:{port}/")
        track = shows_what_is_said(page, said)
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#level-text")).to_have_text(re.compile("−\\d+ dB"))
        expect(page.locator("#events")).to_contain_text(f"{track} begins")
        assert page.locator(".line.strong").first.get_attribute("d")
    expect(page.locator("#link")).to_have_text("connection lost, trying again")
    expect(page.locator("#track")).to_have_text(track)  # what was known stays to be read
    with demo(port) as said:
        expect(page.locator("#link")).to_have_text("live")
        shows_what_is_said(page, said)


def shows_what_is_said(page: Page, said: Iterator[dict[str, Any]]) -> str:
    """Compare the page with the record of the window that it shows, and return the track."""
    expect(page.locator("#one")).to_be_visible()
    expect(page.locator("#basis")).to_have_text(re.compile("window.* of this track"))
    shown = page.evaluate(
        """() => ({ track: document.getElementById('track').textContent,
            windows: parseInt(document.getElementById('basis').textContent),
            lead: document.getElementById('lead').firstChild.textContent,
            moods: Object.fromEntries([...document.querySelectorAll('#moods tr')].map(
                (row) => [row.cells[0].textContent, row.cells[2].textContent])) })"""
    )
    same = ("estimate", shown["track"], shown["windows"])
    record = next(each for each in said if (each["type"], each["track"], each.get("windows")) == same)
    running = record["running"]
    assert shown["lead"] == max(running, key=running.get)
    assert shown["moods"] == {mood: f"{math.floor(round(1000 * share) / 10 + 0.5)}" for mood, share in running.items()}
    expect(page.locator("#name")).to_have_text(record["stream"])
    expect(page.locator("#model")).to_have_text(f"{record['model']['name']} {record['model']['version']}")
    return str(shown["track"])


def test_it_asks_nobody_else_and_is_small(open_page: OpenPage) -> None:
    with served(a_feed()) as server:
        page = open_page("about:blank")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.url)
        expect(page.locator("#lead")).to_have_text(re.compile("happy"))
        assert asked and all(url.startswith(server.url) for url in asked)
        assert page.context.cookies() == []
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert {url.removeprefix(server.url).partition("?")[0].removeprefix("static/") for url in asked} == {
        "" if name == "index.html" else name for name in page_files()
    } | {"events"}
    assert sum(map(len, page_files().values())) < 60_000


def test_no_name_becomes_markup(open_page: OpenPage) -> None:
    feed = a_feed(track=EVIL, stream=EVIL)
    feed.emit(records.estimate(stream="<b>bold</b>" * 500, track="x" * 5000))
    feed.emit(records.event(stream=EVIL, mood=EVIL))
    feed.emit(records.status(stream=EVIL, status="warning", detail=EVIL))
    feed.emit(records.final(stream=EVIL, track=EVIL, error=EVIL, running={EVIL: 0.9}))
    feed.emit(records.estimate(stream=EVIL, track=EVIL, window=50, end_s=99.0, mood={EVIL: 0.5}, running={EVIL: 0.5}))
    with served(feed) as server:
        page = open_page(server.url)
        tile = page.get_by_role("link").filter(has_text="<img")
        expect(tile.locator(".name")).to_have_text(EVIL)
        tile.click()
        expect(page.locator("#name")).to_have_text(EVIL)
        expect(page.locator("#track")).to_have_text(EVIL)
        expect(page.locator("#events")).to_contain_text("<img src=x")
        assert page.locator("main img, main b:has(*), #one script").count() == 0
        assert fits(page)
        page.set_viewport_size(PHONE)
        assert fits(page)
        page.reload()  # the address names the stream
        expect(page.locator("#name")).to_have_text(EVIL)


def test_many_streams_by_keyboard(open_page: OpenPage) -> None:
    feed = a_feed(300)
    with served(feed) as server:
        page = open_page(server.url)
        expect(page.locator("#summary")).to_have_text("300 up")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the moods")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Find")).to_be_focused()
        page.keyboard.type("room 299")
        expect(page.locator("#tiles li")).to_have_count(1)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#name")).to_have_text("room 299")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="happy")).to_be_focused()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="happy", pressed=True)).to_be_focused()
        expect(page.locator(".line.strong")).to_have_count(1)
        page.go_back()
        expect(page.locator("#summary")).to_contain_text("300 up")
        expect(page.get_by_label("Find")).to_have_value("room 299")


def test_what_changes_is_shown_and_events_alone_are_read_out(open_page: OpenPage) -> None:
    feed = a_feed()
    with served(feed) as server:
        page = open_page(server.url)
        expect(page.locator("#lead")).to_have_text(re.compile("happy"))
        expect(page.locator("#events")).to_have_attribute("aria-live", "polite")
        moods = FOUR | {"sad": 0.9}
        feed.emit(records.estimate(stream="room 0", window=13, end_s=42.0, mood=moods, running=moods))
        expect(page.locator("#lead")).to_have_text(re.compile("sad"))
        feed.emit(records.event(stream="room 0", mood="sad"))
        expect(page.get_by_role("log").locator("li").first).to_contain_text("sad began")
        feed.emit(records.estimate(stream="room 0", window=14, end_s=45.0, status="silence", mood=None, running=moods))
        expect(page.locator("#state")).to_have_text("◌ silence")
        feed.stream_ended("room 0")
        expect(page.locator("#state")).to_have_text("■ ended")
        live = page.evaluate("[...document.querySelectorAll('[aria-live],[role=status],[role=log]')].map(e => e.id)")
        assert sorted(live) == ["events", "link"]


def test_moods_of_another_model_have_no_plane(open_page: OpenPage) -> None:
    other = {"groovy": 0.8, "a mood with a rather long name of its own": 0.3}
    with served(a_feed(mood=other, running=other)) as server:
        page = open_page(server.url, viewport=PHONE)
        expect(page.locator("#lead")).to_have_text(re.compile("groovy"))
        expect(page.locator("#place")).to_be_hidden()
        expect(page.get_by_role("button", name="a mood with a rather long name of its own")).to_be_visible()
        assert fits(page)


def test_a_page_that_nobody_sees_lets_go_and_comes_back(open_page: OpenPage) -> None:
    feed = a_feed()
    with served(feed) as server:
        page = open_page("about:blank")
        page.clock.install()
        page.goto(server.url)
        expect(page.locator("#lead")).to_have_text(re.compile("happy"))
        assert feed.watched("room 0")
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.fast_forward(31_000)
        wait_until(lambda: not feed.watched("room 0"))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.fast_forward(10_000)  # nor does it try again meanwhile
        page.wait_for_function("true")
        assert asked == []
        feed.emit(records.event(stream="room 0", mood="calm"))
        page.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_role("log").locator("li").first).to_contain_text("calm began")


def test_a_page_opened_where_nobody_sees_it_lets_go_and_comes_when_it_is_looked_at(open_page: OpenPage) -> None:
    feed = a_feed()
    with served(feed) as server:
        page = open_page("about:blank")
        page.clock.install()
        page.add_init_script("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.goto(server.url)
        expect(page.locator("#lead")).to_have_text(re.compile("happy"))
        assert feed.watched("room 0")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.fast_forward(31_000)
        wait_until(lambda: not feed.watched("room 0"))
        page.clock.fast_forward(10_000)  # nor does it try again meanwhile
        page.wait_for_function("true")
        assert asked == []
        page.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until(lambda: feed.watched("room 0"))


def test_a_page_too_many_says_so_until_another_is_closed(open_page: OpenPage) -> None:
    with served(a_feed()) as server, ExitStack() as others:
        for _ in range(MOST_CLIENTS):
            others.enter_context(Events(server)).next("snapshot")
        page = open_page(server.url)
        expect(page.locator("#link")).to_have_text("too many pages are open: close one, trying again")
        others.close()
        expect(page.locator("#link")).to_have_text("live")


def test_what_it_waits_for_is_said_once_it_is_known(open_page: OpenPage) -> None:
    with served(LiveFeed()) as server:
        page = open_page("about:blank")
        page.route("**/events*", lambda route: None)  # no answer yet
        page.goto(server.url)
        expect(page.locator("#link")).to_have_text("connecting")
        expect(page.locator("#empty")).to_have_text("Connecting …")
        page.unroute_all()
        page.goto("about:blank")
        page.goto(server.url)
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#empty")).to_have_text("Waiting for the first sound …")


PLACES = [(0.71, 0, 0, 0.56), (0.9, 0, 0, 0.9), (0.9, 0.9, 0, 0), (0, 0.9, 0.9, 0), (0, 0, 0.9, 0.9), (1, 0, 0, 0)]
COVERED = """() => { const point = document.querySelector('#one .point').getBoundingClientRect();
    return [...document.querySelectorAll('#one .plane text')].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < point.right && point.left < box.right && box.top < point.bottom && point.top < box.bottom;
    }).map((text) => text.textContent); }"""


@pytest.mark.parametrize("moods", PLACES)
def test_the_point_covers_no_name_on_the_plane(open_page: OpenPage, moods: tuple[float, ...]) -> None:
    four = dict(zip(FOUR, moods, strict=True))
    with served(a_feed(mood=four, running=four)) as server:
        page = open_page(server.url, reduced_motion="reduce")
        expect(page.locator("#one .point")).to_be_visible()
        assert page.evaluate(COVERED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("streams", [1, 3])
def test_what_every_page_owes_its_readers(open_page: OpenPage, scheme: str, streams: int) -> None:
    with served(a_feed(streams)) as server:
        page = open_page(server.url, color_scheme=scheme, viewport=PHONE, reduced_motion="reduce")
        expect(page.locator("h1:visible")).to_have_count(1)
        expect(page.locator("h1")).not_to_have_text(["–"] * 2)
        assert fits(page)
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(PALE) == []
        assert page.evaluate(DOUBLE) == []
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate(MOVING) == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
