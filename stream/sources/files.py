"""Sound files, each path its own stream.

    paths = expand_paths([Path("music/"), Path("song.mp3")])
    for path, name in zip(paths, stream_names(paths), strict=True):
        source = FileSource(path, stop, stream=name)

Every format that ffmpeg reads, by content and not by name; of a film the sound track is taken.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources.chunker import Chunker
from stream.sources.stdin import Pipe
from stream.tagging.audio import AudioChunk, SourceItem, StreamEnd

if TYPE_CHECKING:
    from stream.sources.decode import Decoder

AUDIO_EXTENSIONS = frozenset({
    ".3ga", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf", ".dff", ".dsf", ".dts", ".eac3",
    ".flac", ".m4a", ".m4b", ".m4r", ".mka", ".mp1", ".mp2", ".mp3", ".mpc", ".mpga", ".oga", ".ogg", ".opus", ".ra",
    ".snd", ".spx", ".tak", ".tta", ".voc", ".w64", ".wav", ".wave", ".weba", ".wma", ".wv",
})  # fmt: skip
"""What is taken for sound in a directory. A file that is named is read whatever it is called."""

_CHUNK_SECONDS = 0.25


class FileSource:
    """The sound of one file."""

    live = False

    def __init__(self, path: Path, stop: Stop, *, stream: str | None = None, realtime: bool = False) -> None:
        """Make a source; the file is opened when it is iterated over.

        Args:
            path: the file.
            stop: ends the stream early, without an error.
            stream: name of the stream; None takes the path as given.
            realtime: yield each chunk when it would have been captured from a microphone, rather than at once.
        """
        self.path = path
        self.stream = stream if stream is not None else _printable(path)
        self._stop = stop
        self._realtime = realtime

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield the sound, then a StreamEnd that says whether it was whole.

        Raises:
            StreamError: there is no such file, it cannot be read, or no sound is in it.
        """
        chunks = self._decode()
        yield from _paced(chunks, self._stop) if self._realtime else chunks

    def close(self) -> None:
        """Do nothing: the file is closed when the iteration ends."""

    def _decode(self) -> Iterator[SourceItem]:
        from stream.sources.decode import Decoder, UndecodableError  # noqa: PLC0415  (PyAV is slow to import)

        chunker = Chunker(self.stream, _CHUNK_SECONDS)
        with _open(self.path) as file:
            before = os.fstat(file.fileno())
            is_pipe = not stat.S_ISREG(before.st_mode)
            if before.st_size == 0 and not is_pipe:
                raise StreamError(f"{self.path} is empty")
            source = Pipe(file, self._stop) if is_pipe else file
            try:
                with Decoder(source) as decoder:
                    for block in decoder:
                        assert decoder.form is not None  # a block has come
                        for item in chunker.take(block, decoder.form.samplerate):
                            yield item
                            if self._stop.requested:
                                return
                    yield from chunker.flush()
                    error = _complaint(file, decoder, before)
            except UndecodableError as reason:
                if self._stop.requested:  # while a pipe was waited on
                    return
                if isinstance(source, Pipe) and not source.count:
                    raise StreamError(f"{self.path} is empty") from None
                raise StreamError(f"{self.path} cannot be heard: {reason}") from None
            except OSError as reason:
                if not chunker.position:
                    raise StreamError(f"{self.path} cannot be read: {reason.strerror}") from None
                yield from chunker.flush()
                error = f"reading failed after {decoder.seconds:.1f} s: {reason.strerror}"
        yield StreamEnd(self.stream, error)


def expand_paths(paths: Sequence[Path]) -> list[Path]:
    """Return the files to hear: those named, and those with an audio extension in the directories named.

    Directories are walked through in the order of names; hidden files and directories in them are passed over.

    Raises:
        StreamError: a directory holds no sound, or cannot be listed.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = list(_walk(path))
            if not found:
                raise StreamError(f"the directory {path} has no sound files in it (name a file to have it read anyway)")
            files += found
        else:
            files.append(path)
    return files


def stream_names(paths: Sequence[Path]) -> list[str]:
    """Return a stream name for each path: the path as given, with a number where it comes again."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for path in paths:
        name = _printable(path)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _walk(directory: Path) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise StreamError(f"the directory {directory} cannot be listed: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():  # a link to a parent would never end
                yield from _walk(entry)
        elif entry.suffix.lower() in AUDIO_EXTENSIONS and entry.is_file():
            yield entry


def _open(path: Path) -> BinaryIO:
    try:
        # To open a FIFO waits for its writer, deaf to a stop; with O_NONBLOCK the `Pipe` waits instead.
        is_fifo = stat.S_ISFIFO(path.stat().st_mode)
        return open(path, "rb", opener=_open_at_once if is_fifo else None)
    except FileNotFoundError:
        raise StreamError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise StreamError(f"{path} is a directory, not a file") from None
    except OSError as error:
        raise StreamError(f"{path} cannot be opened: {error.strerror}") from None


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)


def _complaint(file: BinaryIO, decoder: Decoder, before: os.stat_result) -> str | None:
    """Say what was wrong with a file that was read to its end, or None."""
    from stream.sources.truncation import what_is_missing  # noqa: PLC0415

    after = os.fstat(file.fileno())
    is_file = stat.S_ISREG(before.st_mode)
    if is_file and (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return f"changed while it was read: what was heard ({decoder.seconds:.1f} s) may be of neither version"
    return what_is_missing(decoder, file if is_file else None)


def _paced(items: Iterator[SourceItem], stop: Stop) -> Iterator[SourceItem]:
    """Hold each chunk back until its last sample is due, counted from the first so that no error adds up."""
    began = time.monotonic()
    for item in items:
        if isinstance(item, AudioChunk):
            due = began + (item.first_sample + len(item.samples)) / item.samplerate
            if stop.wait(due - time.monotonic()):
                return
            item = dataclasses.replace(item, captured_at=time.time())  # noqa: PLW2901 -- as from a microphone
        yield item


def _printable(path: Path) -> str:
    """Return a path as text that can be written anywhere, whatever bytes are in its name."""
    return os.fsencode(path).decode("utf-8", "replace")
