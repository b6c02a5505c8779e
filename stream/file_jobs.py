"""Files worked through side by side: which there are, and the threads.

paths, not_found = find_files(settings.paths)
side_by_side(work, jobs=4, stop=stop)              # work() takes file after file until none is left
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from pathlib import Path

from stream.common.errors import StreamError
from stream.common.stop import Stop


def find_files(asked: Sequence[Path]) -> tuple[list[Path], dict[str, str]]:
    """Return the files asked for, directories walked, and why what holds none does not."""
    from stream.sources.files import expand_paths  # noqa: PLC0415 -- light, but only for files

    paths: list[Path] = []
    not_found: dict[str, str] = {}
    for path in asked:
        try:
            paths += expand_paths([path])
        except StreamError as error:
            not_found[str(path)] = str(error)
    return paths, not_found


def side_by_side(work: Callable[[], None], jobs: int, stop: Stop) -> None:
    """Do the same work in several threads; the first that cannot go on stops the others and is raised."""
    if jobs <= 1:
        work()
        return
    with concurrent.futures.ThreadPoolExecutor(jobs, thread_name_prefix="file") as pool:
        futures = [pool.submit(work) for _ in range(jobs)]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:  # whatever it was: the pool waits for its threads, so they must end
            stop.request()
            raise
