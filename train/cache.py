"""Mel frames on disk: one memory-mapped file of frames and a journal that says which song lies where.

A pack is written front to back. A song counts once its line stands in the journal, which is written after the frames;
what a killed run left behind that line is cut off when the pack is opened for writing again, so preparing resumes. A
song whose frames are not there after all (a file cut short by a crash of the machine) is prepared again.

    with PackWriter(Path("cache/clean")) as pack:
        pack.append("4q/MT0000004637", levels)
    pack = Pack(Path("cache/clean"))
    pack["4q/MT0000004637"]             # (frames, 96) float16, mapped, not read

Frames are kept as levels (train.levels), in float16.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

BANDS = 96
DEGRADED = "validation_degraded"
"""The pack of degraded validation songs."""


class Pack:
    """The mel levels of many songs, read through a memory map.

    Args:
        path: of the pack, without suffix.
        bands: of the front-end.

    Raises:
        FileNotFoundError: there is no such pack.
        ValueError: the file of frames is shorter than its journal says, or the journal is damaged.
    """

    def __init__(self, path: Path, bands: int = BANDS) -> None:
        if not path.with_suffix(".index").is_file():
            raise FileNotFoundError(f"no prepared data at {path}: run python -m train.prepare first")
        self._where = {key: (begin, count) for key, begin, count in read_journal(path)}
        size = max((begin + count for begin, count in self._where.values()), default=0)
        data = path.with_suffix(".f16")
        if size and (not data.is_file() or data.stat().st_size < size * bands * 2):
            raise ValueError(
                f"{data} is shorter than its journal says: the same train.prepare command prepares what is missing"
            )
        self.levels: NDArray[np.float16] = (
            np.memmap(data, np.float16, "r", shape=(size, bands)) if size else np.zeros((0, bands), np.float16)
        )

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __getitem__(self, key: str) -> NDArray[np.float16]:
        begin, count = self._where[key]
        return self.levels[begin : begin + count]

    def __iter__(self) -> Iterator[str]:
        """Names of the songs, in the order in which they were written."""
        return iter(self._where)


class PackWriter:
    """Appends songs to a pack; opening it again continues where a killed run stopped."""

    def __init__(self, path: Path, bands: int = BANDS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data, index = path.with_suffix(".f16"), path.with_suffix(".index")
        data.touch()
        there = data.stat().st_size // (bands * 2)
        journal = read_journal(path) if index.is_file() else []
        journal = list(itertools.takewhile(lambda entry: entry[1] + entry[2] <= there, journal))
        self.done = {key for key, _, _ in journal}
        self._end = max((begin + count for _, begin, count in journal), default=0)
        lines = "".join(_line(*entry) for entry in journal).encode()
        if not index.is_file() or index.read_bytes() != lines:
            _replace(index, lines)
        self._data = data.open("r+b")
        self._data.truncate(self._end * bands * 2)
        self._data.seek(0, 2)
        self._index = index.open("a")

    def append(self, key: str, levels: NDArray[np.float16]) -> None:
        """Write one song's levels, shape (frames, 96), then its line in the journal."""
        self._data.write(np.ascontiguousarray(levels, np.float16).tobytes())
        self._data.flush()
        self._index.write(_line(key, self._end, len(levels)))
        self._index.flush()
        self._end += len(levels)
        self.done.add(key)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._data.close()
        self._index.close()


def read_journal(path: Path) -> list[tuple[str, int, int]]:
    """Return (key, first frame, frames) of every song wholly written, in order; a line cut short ends the list.

    Raises:
        ValueError: a line is no entry of a journal, or does not begin where the one before it ends.
    """
    entries: list[tuple[str, int, int]] = []
    index = path.with_suffix(".index")
    for number, line in enumerate(index.read_bytes().split(b"\n")[:-1], start=1):
        try:
            key, begin, count = json.loads(line)
        except (ValueError, TypeError):
            key, begin, count = "", -1, -1
        end = sum(entries[-1][1:]) if entries else 0
        if type(key) is not str or begin != end or type(count) is not int or count < 0:
            raise ValueError(f"{index} is damaged in line {number}: remove it and prepare again")
        entries.append((key, begin, count))
    return entries


def _replace(index: Path, lines: bytes) -> None:
    """Drop lines of a journal by a new file: were the old one emptied first, a kill there would lose every song."""
    part = index.with_name(f"{index.name}.part")
    try:
        part.write_bytes(lines)
        part.replace(index)
    finally:
        part.unlink(missing_ok=True)


def _line(key: str, begin: int, count: int) -> str:
    return json.dumps([key, begin, count]) + "\n"
