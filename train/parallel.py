"""Do the same work for many items in several processes, with a progress bar.

for song, levels in computed(song_levels, songs, jobs=2, title="clean"): ...
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")


def computed(work: Callable[[T], R], items: Sequence[T], jobs: int, title: str) -> Iterable[tuple[T, R]]:
    """Yield each item with its result, in order, so that what is made of them is the same for any number of processes.

    Args:
        work: a function that can be sent to another process.
        items: what it takes.
        jobs: processes; 1 works in this one.
        title: of the progress bar.

    Raises:
        BrokenProcessPool: one of the processes was killed.
    """
    bar = functools.partial(tqdm, desc=title, total=len(items), unit="file", disable=not items)
    if jobs == 1:
        yield from zip(items, bar(map(work, items)), strict=True)
        return
    # Ctrl-C reaches every process of a terminal; only this one has something to say about it.
    with ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from zip(items, bar(pool.map(work, items, chunksize=2)), strict=True)
