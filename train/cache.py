"""Mel frames on disk: one memory-mapped file of frames and a journal that says which song lies where.

A pack is written front to back. A song counts once its line stands in the journal, which is written after the frames;
what a killed run left behind that line is cut off when the pack is opened for writing again, so preparing resumes. A
song whose frames are not there after all (a file cut short by a crash of the machine) is prepared again. The last line
of a song counts; one without frames says that it is there no more.

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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BANDS = 96
DEGRADED = "validation_degraded"
"""The pack of degraded validation songs."""


Mark = tuple[int, int]
"""What tells a sound file from one that took its place: its size in bytes, and when it was changed, in seconds."""


class Packed(NamedTuple):
    """A line of the journal: where a song's frames lie, and the mark of the file that they were made of, if known."""

    key: str
    begin: int
    count: int
    mark: Mark | None = None

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.begin + self.count


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
        self._where = _present(read_journal(path))
        size = max((entry.end for entry in self._where.values()), default=0)
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
        entry = self._where[key]
        return self.levels[entry.begin : entry.end]

    def __iter__(self) -> Iterator[str]:
        """Names of the songs, in the order in which they were written."""
        return iter(self._where)


class PackWriter:
    """Appends songs to a pack; opening it again continues where a killed run stopped.

    Attributes:
        done: the songs that are in it, each with the mark of its file, None where that is not known.
    """

    def __init__(self, path: Path, bands: int = BANDS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        data, index = path.with_suffix(".f16"), path.with_suffix(".index")
        data.touch()
        there = data.stat().st_size // (bands * 2)
        journal = read_journal(path) if index.is_file() else []
        journal = list(itertools.takewhile(lambda entry: entry.end <= there, journal))
        self.done = {key: entry.mark for key, entry in _present(journal).items()}
        self._end = max((entry.end for entry in journal), default=0)
        lines = "".join(map(_line, journal)).encode()
        if not index.is_file() or index.read_bytes() != lines:
            _replace(index, lines)
        self._data = data.open("r+b")
        self._data.truncate(self._end * bands * 2)
        self._data.seek(0, 2)
        self._index = index.open("a")

    def append(self, key: str, levels: NDArray[np.float16], mark: Mark | None = None) -> None:
        """Write one song's levels, shape (frames, 96), in place of earlier ones, then its line in the journal."""
        self._data.write(np.ascontiguousarray(levels, np.float16).tobytes())
        self._data.flush()
        entry = Packed(key, self._end, len(levels), mark)
        self._index.write(_line(entry))
        self._index.flush()
        self._end = entry.end
        self.done[key] = mark

    def drop(self, key: str) -> None:
        """Let a song be there no more; its frames stay in the file until that is removed."""
        self._index.write(_line(Packed(key, self._end, 0)))
        self._index.flush()
        self.done.pop(key, None)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._data.close()
        self._index.close()


def read_journal(path: Path) -> list[Packed]:
    """Return the lines of every song wholly written, in order; a line cut short ends the list.

    Raises:
        ValueError: a line is no entry of a journal, or does not begin where the one before it ends.
    """
    entries: list[Packed] = []
    index = path.with_suffix(".index")
    for number, line in enumerate(index.read_bytes().split(b"\n")[:-1], start=1):
        try:
            key, *numbers = json.loads(line)
        except (ValueError, TypeError):
            key, numbers = None, []
        whole = type(key) is str and len(numbers) in {2, 4} and all(type(value) is int for value in numbers)
        if not whole or numbers[0] != (entries[-1].end if entries else 0) or numbers[1] < 0:
            raise ValueError(f"{index} is damaged in line {number}: remove it and prepare again")
        begin, count, *mark = numbers
        entries.append(Packed(key, begin, count, (mark[0], mark[1]) if mark else None))
    return entries


def _present(journal: list[Packed]) -> dict[str, Packed]:
    """Return the last line of each song that has frames."""
    last = {entry.key: entry for entry in journal}
    return {key: entry for key, entry in last.items() if entry.count}


def _replace(index: Path, lines: bytes) -> None:
    """Drop lines of a journal by a new file: were the old one emptied first, a kill there would lose every song."""
    part = index.with_name(f"{index.name}.part")
    try:
        part.write_bytes(lines)
        part.replace(index)
    finally:
        part.unlink(missing_ok=True)


def _line(entry: Packed) -> str:
    return json.dumps([entry.key, entry.begin, entry.count, *(entry.mark or ())]) + "\n"
