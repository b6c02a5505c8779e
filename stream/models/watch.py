"""Watches the file of the model that scores, and brings a new one into use while all goes on.

    file = ModelFile(path)                 # a JSON file of the same name counts too; a folder counts with all its files
    held = FileState.by(file)              # before the model is loaded
    watch = ModelWatch(file, held, model_in_use, observers, asked, look_seconds=1.0)
    watch.start()                          # a thread of its own

A new file is read once it has not changed between two looks, so none is read half-written. It is verified and run a few
times beside the old model before it takes over. One that cannot be used changes nothing, is logged in one line, and is
not read again until its content changes or somebody asks (SIGHUP). Only this thread looks at the file: on a file system
that hangs, no scrape and no window waits for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model.contract import Model, ModelError, load
from stream.common.stop import Stop
from stream.tagging.model_in_use import ModelInUse
from stream.tagging.observer import Observer
from stream.tagging.record import ModelId

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


logger = logging.getLogger(__name__)

_STEP_SECONDS = 0.1
_SIGHT_SECONDS = 1.0
_MOST_REFUSED = 100
_NICENESS = 10
_PATIENCE_SECONDS = 10.0
_NO_STAMP: Stamp = ()  # that of no file


@dataclasses.dataclass(frozen=True, slots=True)
class FileState:
    """What a file held when it was looked at: its stamp, and its content's digest."""

    stamp: Stamp
    content: str

    @classmethod
    def by(cls, file: ModelFile) -> FileState:
        """Look at a file now; where it cannot be read, nothing is known of it."""
        try:
            return cls(file.stamp() or _NO_STAMP, file.digest())
        except OSError:
            return cls(_NO_STAMP, "")


class ModelWatch:
    """Brings new models into use."""

    def __init__(
        self,
        file: ModelFile,
        held: FileState,
        models: ModelInUse,
        observers: Sequence[Observer],
        asked: Callable[[], bool],
        *,
        look_seconds: float = 1.0,
    ) -> None:
        """Make a watch.

        Args:
            file: what to watch.
            held: what it held just before the model in use was read.
            models: takes the new model.
            observers: are told of what became of a new file.
            asked: says, once each time, that somebody wants the file to be read now.
            look_seconds: between two looks at the file; infinite: only when asked.
        """
        self._file = file
        self._models = models
        self._observers = observers
        self._asked = asked
        self._look_seconds = look_seconds
        self._stop = Stop()
        self._known: Stamp | None = held.stamp  # what was read or refused
        self._seen: Stamp | None = held.stamp  # by the last look
        self._content = held.content  # of the model in use
        self._refused: dict[str, None] = {}  # contents, the oldest first
        self._lies_refused = False  # what is there now was no use
        self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """End the watch; a model that is being read is not taken, nor waited for if it hangs. Safe to call twice."""
        self._stop.request()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        lower_priority()
        next_sight = time.monotonic()
        next_look = next_sight + self._look_seconds
        while not self._stop.wait(_STEP_SECONDS):
            if self._asked():
                self.answer()
                next_look = time.monotonic() + self._look_seconds
            elif time.monotonic() >= next_look:
                self.look()
                next_look = time.monotonic() + self._look_seconds
            elif time.monotonic() >= next_sight:
                self.see()
                next_sight = time.monotonic() + _SIGHT_SECONDS

    def see(self) -> None:
        """Tell whether the file is there, and read nothing."""
        self._tell(self._file.stamp())

    def look(self) -> None:
        """Read the file if it has changed, and has not since the last look."""
        stamp = self._file.stamp()
        self._consider(stamp)
        self._tell(stamp)

    def answer(self) -> None:
        """Read the file because somebody asks for it, and say in any case what came of it."""
        stamp = self._file.stamp()
        if stamp is None:
            self._refuse(f"there is no file at {self._file.path}")
        elif (content := self._settle(stamp)) is None:
            pass  # said
        elif content == self._content:
            self._lies_refused = False
            self._say_same()
        else:
            self._read(content, stamp)
        self._tell(stamp)

    def _tell(self, stamp: Stamp | None) -> None:
        present = stamp is not None
        for each in self._observers:
            each.model_file(present=present, refused=present and self._lies_refused)

    def _consider(self, stamp: Stamp | None) -> None:
        last, self._seen = self._seen, stamp
        if stamp == self._known or stamp != last:
            return
        if stamp is None:
            self._known = None
            logger.warning(
                "the model file %s has gone: %s goes on, but this program could not start again",
                self._file.path,
                _name(self._models.current),
            )
            return
        was_in_order = self._known is not None and not self._lies_refused
        content = self._settle(stamp)
        if content is None:
            return
        self._lies_refused = content in self._refused
        if content == self._content:
            if not was_in_order:  # what was said last of the file was bad, and is true no more
                self._say_same()
        elif not self._lies_refused:
            self._read(content, stamp)

    def _say_same(self) -> None:
        logger.info("the model file %s holds what is in use: %s", self._file.path, _name(self._models.current))

    def _settle(self, stamp: Stamp) -> str | None:
        """Note that a file is known by now, and return what it holds; say so and return None if it cannot be read."""
        self._known = self._seen = stamp
        try:
            return self._file.digest()
        except OSError as error:
            if self._file.stamp() == stamp:
                self._lies_refused = True
                self._refuse(f"{self._file.path} cannot be read: {error.strerror}")
            else:  # it is being replaced: the next look will find something else
                self._known = _NO_STAMP
            return None

    def _read(self, content: str, stamp: Stamp) -> None:
        began = time.monotonic()
        try:
            new = load(self._file.path)
            if reason := self._models.refusal(new.info):
                raise ModelError(f"{self._file.path}: {reason}")
        except ModelError as error:
            if self._read_in_vain(content, stamp, str(error)):
                self._remember(content)
            return
        except Exception as error:  # a defect that one file meets, or too little memory, must not end the watch
            logger.debug("unexpected", exc_info=True)
            # It need not be the file's fault, so it is not remembered against it.
            reason = f"{self._file.path}: unexpected {type(error).__name__}: {error}; SIGHUP has it read again"
            self._read_in_vain(content, stamp, reason)
            return
        old = self._models.current
        if self._was_replaced(stamp) or self._stop.requested:
            return
        self._content = content
        self._lies_refused = False
        self._refused.pop(content, None)
        if new.info == old.info:  # it was replaced while this program started
            return
        self._models.replace(new)
        info = new.info
        for each in self._observers:
            each.model(ModelId(info.name, info.version, info.sha256))
            each.model_swapped()
        same = info.labels == old.info.labels
        logger.info(
            "a new model is taken at each stream's next window: %s in place of %s; it was read in %.1f s, and %s",
            _name(new),
            _name(old),
            time.monotonic() - began,
            "running averages go on" if same else "running averages begin anew, for its moods are others",
        )

    def _read_in_vain(self, content: str, stamp: Stamp, reason: str) -> bool:
        """Say that what was read is no use, unless it is there no more; return whether it was said."""
        if self._was_replaced(stamp):
            return False
        self._lies_refused = True
        self._refuse(reason, content)
        return True

    def _remember(self, content: str) -> None:
        self._refused[content] = None
        if len(self._refused) > _MOST_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _was_replaced(self, stamp: Stamp) -> bool:
        """Say whether the file changed while it was read: then neither good nor bad can be said of it yet."""
        replaced = self._file.stamp() != stamp
        if replaced:
            self._known = _NO_STAMP
        return replaced

    def _refuse(self, reason: str, content: str = "") -> None:
        for each in self._observers:
            each.model_refused()
        which = f" (sha256 {content[:12]})" if content else ""
        logger.error("the new model%s is refused, and %s goes on: %s", which, _name(self._models.current), reason)


def lower_priority() -> None:
    """Let the thread that calls this stand back where the processor is busy, on systems that know threads' priority."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _name(model: Model) -> str:
    return f"{model.info.name} {model.info.version} (sha256 {model.info.sha256[:12]})"
