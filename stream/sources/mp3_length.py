"""How long an MP3 is, for who hears it through a pipe.

    head = Mp3Head(pipe.read)         # reads like the pipe, and looks at what passes
    head.samples                      # 264600, or None: it is no MP3, or its encoder did not say

An encoder fills the last frames of an MP3 up with silence, and says in its first (the Xing or Info frame, with LAME's
extension) how many frames there are and how much to leave out. ffmpeg does so for a file but not for a pipe, where it
cannot compare with the file's size; the same bytes must give the same sound, so it is done here.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator

from stream.sources.block import Block

_FRAME_BYTES = 192
_ID3_HEAD_BYTES = 10
_ID3V1_BYTES = 128
_DECODER_DELAY = 529
_MAX_PADDING = 4 * 1152
_GAPLESS_ENCODERS = (b"LAME", b"Lavf", b"Lavc")


class Mp3Head:
    """Passes bytes on and keeps those in which the length would stand. It has no ``seek``, which PyAV looks at."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._is_in_tags = True
        self._skip = 0  # bytes to the end of a tag
        self._held = b""

    def read(self, size: int) -> bytes:
        """Return what the source returns."""
        data = self._read(size)
        if len(self._held) < _FRAME_BYTES:
            self._keep(data)
        return data

    @property
    def samples(self) -> int | None:
        """Samples of sound in the whole, without the silence at both ends, or None."""
        return None if self._is_in_tags else parse_length(self._held)

    def _keep(self, data: bytes) -> None:
        """Hold the beginning of the first frame; what is before it (titles, cover art) may be large and is not held."""
        self._held += data
        while self._is_in_tags:
            passed = min(self._skip, len(self._held))
            self._held = self._held[passed:]
            self._skip -= passed
            if len(self._held) < _ID3_HEAD_BYTES:
                return
            self._skip = tag_bytes(self._held)
            self._is_in_tags = self._skip > 0
        self._held = self._held[:_FRAME_BYTES]


def parse_length(frame: bytes) -> int | None:
    """Return how many samples of sound an MP3 holds by its first frame, or None if that does not say.

    Source: ffmpeg's and LAME's reading of the Xing/Info frame and its LAME extension.
    """
    if len(frame) < _FRAME_BYTES or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # MPEG audio, layer III
        return None
    is_mpeg1, is_mono = frame[1] & 0x18 == 0x18, frame[3] >> 6 == 3
    tag = 4 + {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[is_mpeg1, is_mono]
    if frame[tag : tag + 4] not in (b"Xing", b"Info"):
        return None
    flags = frame[tag + 7]
    if not flags & 1:
        return None
    count = int.from_bytes(frame[tag + 8 : tag + 12], "big") * (1152 if is_mpeg1 else 576)
    extension = tag + 12 + (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    if frame[extension : extension + 4] not in _GAPLESS_ENCODERS:
        return count
    delays = int.from_bytes(frame[extension + 21 : extension + 24], "big")
    return count - (delays >> 12) - max(delays & 0xFFF, _DECODER_DELAY)


def without_padding(blocks: Iterator[Block], samples: int) -> Iterator[Block]:
    """Yield blocks and leave out the few samples after the first ``samples``.

    If there are more than a few, the length was that of a part only (files put one after the other), and all are sound.
    """
    position = 0
    for block in blocks:
        position += len(block.samples)
        if position <= samples:
            yield block
            continue
        sure = len(block.samples) - (position - samples)
        yield dataclasses.replace(block, samples=block.samples[:sure])
        held, excess = [Block(block.samples[sure:], block.position)], position - samples
        while excess <= _MAX_PADDING:
            more = next(blocks, None)
            if more is None:
                return
            held.append(more)
            excess += len(more.samples)
        yield from itertools.chain(held, blocks)
        return


def tag_bytes(data: bytes) -> int:
    """Return how many bytes the tag takes with which ``data`` begins (ID3v2, or ID3v1 as at an end), or 0."""
    if data[:3] == b"ID3" and len(data) >= _ID3_HEAD_BYTES:
        return _ID3_HEAD_BYTES + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
    return _ID3V1_BYTES if data[:3] == b"TAG" else 0
