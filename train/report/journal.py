"""The scores that a report's folder holds already: written song by song, so that a killed evaluation goes on.

    journal = Journal(folder, identity)
    journal.scores                         # {"song-17": Score(...)}
    journal.add("song-18", score)

``evaluation.json`` says what they are the scores of: a model, a manifest, an audio folder, a path. Another one is
refused; another split, threshold or grouping is only reported anew. ``scores.jsonl`` has a line a song. A line cut
short by a kill is dropped. Songs that could not be scored are not in it: they are tried again.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.files import replaced


def put(path: Path, data: bytes) -> None:
    """Write a whole file; raises OSError, and then the old one is still there."""
    with replaced(path) as part:
        part.write_bytes(data)


def put_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array in NumPy's format."""
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    put(path, data.getvalue())


def put_lines(path: Path, lines: Sequence[str]) -> None:
    """Write texts, one a line; line ends and tabs in them become spaces."""
    put(path, "".join(f"{' '.join(line.split())}\n" for line in lines).encode())


SILENCE_DBFS = -120.0
"""A window below this level is silence and has no score, offline as in the stream (its lowest ``--min-rms``)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """A song's score.

    Attributes:
        probabilities: the mean over its windows, one a label of the model.
        windows: how many these were.
    """

    probabilities: tuple[float, ...]
    windows: int


Outcome = Score | str
"""A score, or in one line why there is none."""


def too_short(seconds: float, needed: float) -> str:
    """Return the reason of a song that holds no whole window; both in seconds."""
    return f"shorter than one window ({seconds:.2f} s of {needed:.3f} s)"


ALL_SILENT = "silence throughout"


IDENTITY, SCORES = "evaluation.json", "scores.jsonl"


class JournalError(Exception):
    """A folder that cannot take a report; the message is one line."""


class Journal:
    """The scored songs of a folder."""

    def __init__(self, folder: Path, identity: Mapping[str, str]) -> None:
        """Open a folder, or make it.

        Args:
            folder: of the report.
            identity: what the scores depend on, by name.

        Raises:
            JournalError: the folder holds something else.
            OSError: it cannot be written.
        """
        self._path = folder / SCORES
        self.scores = _read(self._path)
        _check(folder, identity, bool(self.scores))
        folder.mkdir(parents=True, exist_ok=True)
        put(folder / IDENTITY, json.dumps(dict(identity), indent=1, ensure_ascii=False).encode())
        _cut(self._path)
        self._file = self._path.open("a", encoding="utf-8")

    def add(self, song: str, score: Score) -> None:
        """Keep a song's score; it is on disk when this returns, or OSError is raised."""
        line = json.dumps({"id": song, "windows": score.windows, "scores": score.probabilities}, ensure_ascii=False)
        self._file.write(f"{line}\n")
        self._file.flush()
        self.scores[song] = score

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError:
            if error is None:  # what could not be written was said already otherwise
                raise


def _check(folder: Path, identity: Mapping[str, str], scored: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise JournalError(f"{folder} is a file: --report needs a folder")
    path = folder / IDENTITY
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise JournalError(f"{folder} holds other files: --report needs a new folder, or one of an evaluation")
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        there = None
    if not isinstance(there, dict):
        raise JournalError(f"{path} is damaged: remove the folder, or take another")
    other = next((name for name in identity if there.get(name) != identity[name]), None)
    if other is not None and scored:
        raise JournalError(
            f"{folder} holds the scores of another {other} ({_brief(there.get(other))}, not "
            f"{_brief(identity[other])}): take another folder, or remove this one"
        )


def _brief(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text  # a hash


def _read(path: Path) -> dict[str, Score]:
    """Return the scores of every song wholly written; of a song that is there twice the last."""
    if not path.is_file():
        return {}
    found = {}
    for line in _whole_lines(path):
        try:
            row = json.loads(line)
            found[str(row["id"])] = Score(tuple(map(float, row["scores"])), int(row["windows"]))
        except (ValueError, KeyError, TypeError):
            raise JournalError(f"{path} is damaged: remove it, and the songs are scored again") from None
    return found


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _cut(path: Path) -> None:
    """Cut off what a kill left behind the last whole line."""
    if path.is_file():
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)
