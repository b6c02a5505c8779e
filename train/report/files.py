"""Files of a report: written beside their place and moved there, so that a kill leaves the old one or the new one.

put(folder / "report.md", text.encode())
put_array(folder / "truth.npy", truth)
put_lines(folder / "labels.txt", names)
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def put(path: Path, data: bytes) -> None:
    """Write a whole file; raises OSError, and then the old one is still there."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def put_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array in NumPy's format."""
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    put(path, data.getvalue())


def put_lines(path: Path, lines: Sequence[str]) -> None:
    """Write texts, one a line; line ends and tabs in them become spaces."""
    put(path, "".join(f"{' '.join(line.split())}\n" for line in lines).encode())
