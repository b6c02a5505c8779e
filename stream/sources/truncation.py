"""Whether sound was whole: ffmpeg ends quietly where a file was cut off, so its header is asked how long it should be.

what_is_missing(decoder, file)    # "truncated: the sound ends after 12.3 s, but its header promises 30.0 s", or None

Formats without a length in their header (AAC, MP3 without a Xing frame) cannot show that they were cut.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from stream.sources.decode import Decoder

_HONEST = {
    "aiff",
    "ape",
    "au",
    "flac",
    "matroska,webm",
    "mov,mp4,m4a,3gp,3g2,mj2",
    "tta",
    "wv",
}
"""Formats whose duration ffmpeg takes from the header, not from the size of the file."""

_MAX_OGG_PAGE = 65307
_UNKNOWN_SIZE = 0x7FFF0000
"""Programs that write WAV into a pipe promise about 2 or 4 GiB, because they cannot know."""


_TOLERANCE_SECONDS = 0.5
"""How much shorter than its header says a file may be: encoders' delays and rounded durations stay below."""


def what_is_missing(decoder: Decoder, file: BinaryIO | None = None) -> str | None:
    """Say what is missing of a source that was decoded to its end, first within it and then at its end, or None.

    Args:
        decoder: what decoded it, still open.
        file: the file, which may stand anywhere; None for a source that cannot be read again (some formats then
            cannot tell).
    """
    ended = decoder.seconds + decoder.missing
    promised = _promised_seconds(decoder, file)
    if promised is not None and promised - ended > _TOLERANCE_SECONDS:
        if decoder.damage is not None:  # how much it took may be a guess, so the end may be there or not
            return f"{decoder.damage}; {decoder.seconds:.1f} s were heard, but the header promises {promised:.1f} s"
        return f"truncated: the sound ends after {ended:.1f} s, but its header promises {promised:.1f} s"
    if file is not None and decoder.format_name == "ogg" and _ends_in_mid_stream(file):
        breaks_off = f"truncated: the sound breaks off after {ended:.1f} s"
        return f"{decoder.damage}; {breaks_off}" if decoder.damage is not None else breaks_off
    return decoder.damage


def _promised_seconds(decoder: Decoder, file: BinaryIO | None) -> float | None:
    if decoder.encoder_samples is not None and decoder.form is not None:
        return decoder.encoder_samples / decoder.form.samplerate
    if decoder.format_name in _HONEST:
        return decoder.header_seconds
    if file is not None and decoder.format_name == "wav":
        share = _wav_share(file)
        return decoder.seconds / share if share else None
    if file is not None and decoder.format_name == "mp3" and _has_xing(file, decoder.first_position):
        return decoder.header_seconds
    return None


def _ends_in_mid_stream(file: BinaryIO) -> bool:
    """Say whether an Ogg file lacks the page that ends its stream, or part of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * _MAX_OGG_PAGE))
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if at < 0 or len(tail) < at + 27:
        return True
    flags, segments = tail[at + 5], tail[at + 26]
    lengths = tail[at + 27 : at + 27 + segments]
    is_whole = len(lengths) == segments and len(tail) >= at + 27 + segments + sum(lengths)
    return not (is_whole and flags & 0x04)


def _wav_share(file: BinaryIO) -> float | None:
    """Return how much of the bytes of sound that a WAV promises are there, from 0 to 1; None if it does not promise."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != b"RIFF":  # RF64 and the like: sizes elsewhere
        return None
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", header)
        body = file.tell()
        if name == b"data":
            return min(1.0, (size - body) / length) if 0 < length < _UNKNOWN_SIZE else None
        file.seek(body + length + length % 2)
    return None


def _has_xing(file: BinaryIO, first_packet: int | None) -> bool:
    """Say whether an MP3's length was counted by its encoder; else ffmpeg has guessed it from the bit rate.

    The Xing, Info or VBRI frame stands between the ID3 tag and the first packet of sound.
    """
    if first_packet is None:
        return False
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    if not 0 < first_packet - start < 65536:
        return False
    file.seek(start)
    frame = file.read(first_packet - start)
    return any(name in frame for name in (b"Xing", b"Info", b"VBRI"))
