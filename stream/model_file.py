"""The file that a model is read from, looked at cheaply: has it changed, and is it another model?

    file = ModelFile(Path("mood.onnx"))
    file.stamp()                           # changes with name, inode, size or times of change; None: there is none
    file.digest()                          # of the content

Beside an ONNX file, a JSON file of the same name counts as part of the model; a folder counts with all files in it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Of each file of a model: name, inode, size in bytes, times of change of content and of the rest in nanoseconds."""


class ModelFile:
    """A model on disk."""

    def __init__(self, path: Path) -> None:
        """Name it; it need not be there."""
        self.path = path

    def stamp(self) -> Stamp | None:
        """Return what tells, without reading the files, that they are the same as before; None if there are none."""
        try:
            return (
                tuple(
                    (file.name, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
                    for file in self._files()
                    if (about := file.stat())
                )
                or None
            )
        except OSError:
            return None

    def digest(self) -> str:
        """Return the SHA-256 of the file, or of the list of names and digests of several, in hexadecimal.

        Raises:
            OSError: a file cannot be read, or is none that ends: a pipe, a device.
        """
        digests = {file.name: _sha256(file) for file in self._files()}
        if len(digests) == 1:
            return next(iter(digests.values()))
        listed = "".join(f"{digest} {name}\n" for name, digest in digests.items())
        return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()

    def _files(self) -> list[Path]:
        if self.path.is_dir():
            return sorted(file for file in self.path.iterdir() if file.is_file())
        beside = self.path.with_suffix(".json")
        return [self.path, *([beside] if beside.is_file() else [])]


def _sha256(file: Path) -> str:
    with open(file, "rb", opener=_at_once) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(file))
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe with a name would wait for its writer
