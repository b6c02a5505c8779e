"""Tables as Parquet files, read as the text that a CSV of the same table would hold.

header, rows = read(Path("songs.parquet"))
write({"id": ["1"], "path": ["a.mp3"], "happy": [0.5]}, Path("manifest.parquet"))

Numbers, texts, booleans (1 and 0) and lists of texts (with semicolons) are understood; null and NaN are empty fields.
Needs pyarrow (in the extra ``train``), which is imported when a file is read or written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SUFFIX = ".parquet"


class ParquetError(ValueError):
    """A Parquet file that cannot be used; the message is one line."""


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of a file's columns, and its rows.

    Raises:
        ParquetError: there is no such file, it is damaged, or a column holds something else than values and lists.
    """
    pyarrow, parquet = _pyarrow(path)
    try:
        table = parquet.read_table(path, partitioning=None) if path.is_file() else None
    except (OSError, pyarrow.ArrowException) as error:
        raise ParquetError(f"{path} is no Parquet file: {' '.join(str(error).split())}") from None
    if table is None:
        kind = f"{path} is a folder: a table is needed" if path.is_dir() else f"no such annotation file: {path}"
        raise ParquetError(kind)
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        wrong = next((value for value in values if not _understood(value)), None)
        if wrong is not None:
            raise ParquetError(f"{path}: the column {field.name!r} is of type {field.type}: no text, number or list")
        columns.append([_text(value) for value in values])
    return list(table.column_names), [list(row) for row in zip(*columns, strict=True)]


def write(columns: Mapping[str, Sequence[str | float | None]], path: Path) -> None:
    """Write columns as a file; NaN becomes null, numbers are kept as float32.

    Raises:
        ParquetError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    pyarrow, parquet = _pyarrow(path)
    arrays = []
    for values in columns.values():
        numbers = any(isinstance(value, float) for value in values)
        kept = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
        arrays.append(pyarrow.array(kept, pyarrow.float32() if numbers else pyarrow.string()))
    with path.open("wb") as file:
        parquet.write_table(pyarrow.table(arrays, names=list(columns)), file)


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ParquetError(f"{path}: Parquet files need pyarrow: pip install 'moodstream[train]'") from None
    return pyarrow, parquet


def _understood(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(part, str) for part in value)
    return value is None or isinstance(value, str | int | float)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case float():
            return "" if math.isnan(value) else repr(value)
        case list():
            return "; ".join(value)
    return str(value)
