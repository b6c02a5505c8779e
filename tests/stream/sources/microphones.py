"""What the microphone's tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.sources.microphone import MicrophoneSource
from tests.stream.sources.sounds import chunks_of, statuses_of


def listen(until: Callable[[list], bool], stop: Stop | None = None, **options) -> list:
    """Record until a condition on what was heard so far holds."""
    stop = stop or Stop()
    items: list = []
    for item in MicrophoneSource(stop, device="pulse", backoff=Backoff(0.05, 0.2), **options):
        items.append(item)
        if until(items):
            stop.request()
    return items


def kinds(items: list) -> list[str]:
    return [status.kind for status in statuses_of(items)]


def ups_and_downs(items: list) -> list[str]:
    """The news without overflows, which a busy machine may add anywhere."""
    return [kind for kind in kinds(items) if kind != "overflow"]


def lost(items: list) -> float:
    """What the news say was lost, in seconds."""
    return sum(status.lost_seconds for status in statuses_of(items))


def jumps(items: list) -> list[float]:
    """What the sample index passes over, in seconds."""
    pairs = itertools.pairwise(chunks_of(items))
    gaps = [(after.first_sample - before.first_sample - len(before.samples), after) for before, after in pairs]
    assert all(after.discontinuity or not gap for gap, after in gaps)
    return [gap / after.samplerate for gap, after in gaps if gap]
