"""Sound on standard input: raw PCM, or anything ffmpeg reads.

arecord -f S16_LE -r 16000 | python -m stream.listen --stdin --samplerate 16000 --channels 1 --format s16le
curl -s https://example.org/song.mp3 | python -m stream.listen --stdin

StdinSource(stop, samplerate=16000, channels=1, sample_format="s16le")     # raw
StdinSource(stop)                                                          # a container
"""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.common.text import count_of
from stream.settings.source import RAW_FORMATS
from stream.sources.chunker import Chunker
from stream.tagging.audio import SourceItem, SourceStatus, StreamEnd

_POLL_SECONDS = 0.1


class Pipe:
    """Reads what is there, waits while nothing is, and ends at a stop. It has no ``seek``, which PyAV looks at."""

    def __init__(self, file: BinaryIO, stop: Stop) -> None:
        self.count = 0
        """Bytes read so far."""
        self._descriptor = file.fileno()
        self._stop = stop

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes, or none at the end."""
        while not self._stop.requested:
            if select.select([self._descriptor], [], [], _POLL_SECONDS)[0]:
                data = os.read(self._descriptor, size)
                self.count += len(data)
                return data
        return b""


logger = logging.getLogger(__name__)

_CHUNK_SECONDS = 0.1
_READ_BYTES = 65536


class StdinSource:
    """The sound on standard input."""

    live = False

    def __init__(
        self,
        stop: Stop,
        *,
        samplerate: int | None = None,
        channels: int | None = None,
        sample_format: str | None = None,
        stream: str = "stdin",
        file: BinaryIO | None = None,
    ) -> None:
        """Make a source.

        Args:
            stop: ends the stream, without an error.
            samplerate: of raw PCM, in Hz; None says that a container comes.
            channels: of raw PCM; None is 1.
            sample_format: of raw PCM, one of ``RAW_FORMATS``; None is ``s16le``.
            stream: name of the stream.
            file: what to read instead of standard input; it must have a file descriptor.

        Raises:
            UsageError: the format is unknown, or raw PCM is described without its rate.
            StreamError: there is no standard input.
        """
        if samplerate is None and (channels is not None or sample_format is not None):
            raise UsageError("--channels and --format describe raw PCM on standard input and need --samplerate")
        if sample_format is not None and sample_format not in RAW_FORMATS:
            raise UsageError(f"--format {sample_format} is not known; raw PCM is one of {', '.join(RAW_FORMATS)}")
        if channels is not None and channels < 1:
            raise UsageError("--channels must be at least 1")
        self.stream = stream
        self._stop = stop
        self._samplerate = samplerate
        self._channels = channels or 1
        self._format = sample_format or "s16le"
        given = {"--channels": channels, "--format": sample_format}
        self._assumed = [flag for flag, value in given.items() if value is None]
        if file is None and sys.stdin is None:
            raise StreamError("standard input is closed")
        self._file = file if file is not None else sys.stdin.buffer

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield the sound until the input ends.

        Raises:
            StreamError: the input is empty, no sound, or cannot be read.
            UsageError: the input is a terminal.
        """
        if self._file.isatty():
            raise UsageError("standard input is a terminal: pipe sound into it, or use --file or --mic")
        chunker = Chunker(self.stream, _CHUNK_SECONDS)
        try:
            yield from self._raw(chunker, self._samplerate) if self._samplerate else self._container(chunker)
        except OSError as error:
            raise StreamError(f"standard input cannot be read: {error.strerror}") from None

    def close(self) -> None:
        """Do nothing: standard input is not the source's to close."""

    def _raw(self, chunker: Chunker, samplerate: int) -> Iterator[SourceItem]:
        if self._assumed:
            logger.info(
                "raw PCM is taken as %d Hz, %s, %s: %s not given",
                *(samplerate, count_of(self._channels, "channel"), self._format),
                " and ".join(self._assumed) + (" was" if len(self._assumed) == 1 else " were"),
            )
        pipe = Pipe(self._file, self._stop)
        frame_bytes = sample_bytes(self._format) * self._channels
        partial = b""
        while data := pipe.read(_READ_BYTES):
            data = partial + data
            whole = len(data) // frame_bytes * frame_bytes
            partial = data[whole:]
            samples = decode_pcm(data[:whole], self._format).reshape(-1, self._channels)
            yield from chunker.feed(samples, samplerate)
        if self._stop.requested:
            return
        if not chunker.position and not chunker.held:
            raise StreamError("standard input was empty" if not partial else "standard input held less than one sample")
        yield from chunker.flush()
        if partial:
            detail = f"the last {len(partial)} bytes were dropped: a sample of every channel takes {frame_bytes}"
            yield SourceStatus(self.stream, "warning", detail)
        yield StreamEnd(self.stream)

    def _container(self, chunker: Chunker) -> Iterator[SourceItem]:
        from stream.sources.decode import Decoder, UndecodableError  # noqa: PLC0415  (PyAV is slow to import)
        from stream.sources.truncation import what_is_missing  # noqa: PLC0415

        seekable = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        source = self._file if seekable else Pipe(self._file, self._stop)
        error = None
        try:
            with Decoder(source) as decoder:
                for block in decoder:
                    assert decoder.form is not None  # a block has come
                    yield from chunker.take(block, decoder.form.samplerate)
                    if self._stop.requested:
                        return
                yield from chunker.flush()
                error = what_is_missing(decoder, self._file if seekable else None)
        except UndecodableError as reason:
            if self._stop.requested:
                return
            if self._is_empty(source):
                raise StreamError("standard input was empty") from None
            raise StreamError(
                f"standard input cannot be heard: {reason}; raw PCM needs --samplerate, --channels and --format"
            ) from None
        yield StreamEnd(self.stream, error)

    def _is_empty(self, source: BinaryIO | Pipe) -> bool:
        return source.count == 0 if isinstance(source, Pipe) else os.fstat(source.fileno()).st_size == 0


def sample_bytes(sample_format: str) -> int:
    """Return how many bytes one sample of a raw format takes."""
    return int("".join(filter(str.isdigit, sample_format))) // 8


def decode_pcm(data: bytes, sample_format: str) -> NDArray[np.float32]:
    """Return raw PCM as float32 with full scale at 1.0, shape (n,).

    Args:
        data: whole samples.
        sample_format: one of ``RAW_FORMATS``.
    """
    order = ">" if sample_format.endswith("be") else "<"
    kind = sample_format.removesuffix("le").removesuffix("be")
    size = sample_bytes(sample_format)
    if kind.startswith("f"):
        with np.errstate(
            over="ignore"
        ):  # a float64 beyond float32 becomes infinite, which the session takes for damage
            return np.frombuffer(data, f"{order}f{size}").astype(np.float32)
    if kind == "u8":
        whole = np.frombuffer(data, np.uint8).astype(np.int32) - 128
    elif kind == "s24":  # becomes the upper three bytes of 32
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, :: 1 if order == "<" else -1]
        whole = wide.view("<i4")[:, 0] >> 8
    else:
        whole = np.frombuffer(data, f"{order}i{size}").astype(np.int32)
    return (whole / 2.0 ** (8 * size - 1)).astype(np.float32)
