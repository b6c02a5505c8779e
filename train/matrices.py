"""The files that ``train.metrics`` reads: matrices in NumPy's format, and lists of a line each.

truth = read_array(Path("truth.npy"))
names = read_labels(Path("moodtheme_split.txt"), labels=56)
thresholds = read_thresholds(Path("thresholds.txt"), names, scores.dtype)
artists = read_groups(Path("artists.txt"), songs=4231)
"""

from __future__ import annotations

import tokenize
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.figures.checks import FigureError


class UnreadableError(Exception):
    """A file that cannot be read; the message is one line with its name."""


def read_array(path: Path) -> NDArray[Any]:
    """Return the array in an ``.npy`` file; nothing in it is run, so a pickled one is refused.

    Raises:
        UnreadableError: no such file, or not one array of plain values.
    """
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise UnreadableError(f"{path}: says that it holds more than fits into memory") from error
    except (EOFError, ValueError, OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile) as error:
        # The header is a Python literal, and a garbled one fails in any of these ways; NumPy takes a file that does not
        # begin as .npy for a pickled one, and advises to load that.
        raise UnreadableError(f"{path}: is not a whole .npy file of plain numbers; numpy.save writes one") from error
    if not isinstance(found, np.ndarray):
        raise UnreadableError(f"{path}: holds several arrays (.npz), needed is one (.npy)")
    return found


def read_labels(path: Path, labels: int) -> list[str]:
    """Return the names of the columns: one a line, what follows a tab is ignored, so MTG-Jamendo's lists do.

    Args:
        path: of the text.
        labels: how many there must be.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: another number of names, or one twice.
    """
    names = [line.split("\t")[0].strip() for line in _lines(path) if line.strip()]
    if len(names) != labels:
        raise FigureError(f"{path}: names {len(names)} labels, the truth has {labels}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FigureError(f"{path}: the label {twice!r} stands there twice")
    return names


def read_groups(path: Path, songs: int) -> list[str]:
    """Return each song's group: line n is the artist of row n; an empty line is a group of its own.

    Args:
        path: of the text.
        songs: how many lines there must be.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: another number of lines, or only one group.
    """
    lines = [line.strip() for line in _lines(path)]
    if len(lines) != songs:
        raise FigureError(f"{path}: has {len(lines)} lines, the truth has {songs} songs")
    # No stripped line can hold a line feed, so the names made up here meet no other.
    groups = [line or f"\n{number}" for number, line in enumerate(lines)]
    if len(set(groups)) < 2:
        raise FigureError(f"{path}: all songs are of one group ({lines[0]}), so there is nothing to draw")
    return groups


def read_thresholds(path: Path, names: Sequence[str], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the thresholds in an ``.npy`` file or a text, as they stand there; their number is not checked.

    A text has one a line, in the order of the columns, or as MediaEval's script writes it: label, tab, threshold. Such
    lines are put into the order of the columns if they name the same labels.

    Args:
        path: of the file.
        names: of the columns.
        dtype: of the scores. A text's numbers become of that type, so that a threshold written from a float32 score
            equals it.

    Raises:
        UnreadableError: no such file, or not UTF-8.
        FigureError: a line without a number, or a label twice.
    """
    if path.suffix == ".npy":
        return read_array(path)
    values: dict[str, float] = {}
    for number, line in enumerate(_lines(path)):
        if not line.strip():
            continue
        label, tab, text = line.rpartition("\t")
        label = label.strip() if tab else f"\n{number}"
        try:
            value = float(text)
        except ValueError as error:
            raise FigureError(f"{path}: line {number + 1}: {text.strip()!r} is no threshold") from error
        if label in values:
            raise FigureError(f"{path}: line {number + 1}: the label {label!r} stands there twice")
        values[label] = value
    chosen = [values[name] for name in names] if set(values) == set(names) else list(values.values())
    return np.array(chosen, dtype if dtype.kind == "f" else np.float64)


def _lines(path: Path) -> list[str]:
    try:
        # Only the line ends that editors make: a title may hold the others that str.splitlines knows.
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path}: is not UTF-8 text") from error
