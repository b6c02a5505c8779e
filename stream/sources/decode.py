"""Compressed sound to samples, by ffmpeg's libraries (PyAV).

    with Decoder(file) as decoder:
        for block in decoder:
            block.samples        # (n, channels) float32
    decoder.damage               # "damaged: sound is missing at 12.3 s (0.2 s of it in all)", or None

The rate and the channel count are those of the first decoded frame (or of ``form``), whatever the stream does later.
This module imports PyAV; sources import it when they begin to run.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """What a stream's samples look like.

    Attributes:
        samplerate: in Hz.
        layout: ffmpeg's name of the channel layout: ``stereo``, ``5.1``, ...
    """

    samplerate: int
    layout: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some decoded sound.

    Attributes:
        samples: shape (n, channels), float32, full scale at 1.0.
        position: byte in the source at which its packet begins, or None where the format does not say.
        lost: samples lost directly before it.
        damaged: whether anything was lost directly before it, even if nobody knows how much.
    """

    samples: NDArray[np.float32]
    position: int | None = None
    lost: int = 0
    damaged: bool = False


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


_MAX_BLOCK = 65536
"""Samples in a block at most: some formats decode to many seconds at a time."""


_JITTER_SECONDS = 0.1
"""Time stamps are rounded, and off by an encoder's delay; what is missing is more than this."""

_MAX_JUMP_SECONDS = 60.0
"""Time stamps that jump further than this count something else than time."""

_BARE = {"aac", "ac3", "eac3", "mp3"}
"""Formats that are frames without a container: nothing says when one is due, so ffmpeg's time stamps count packets."""

_GUESSED = {"amrnb", "amrwb"}
"""Formats without a mark of their own, which ffmpeg sees in web pages too. (AMR files have one: they are ``amr``.)"""

_ALIKE = {"adp": (".adp", ".dtk")}
"""Formats that ffmpeg sees in raw PCM too (in stereo with both channels alike), and how names of their files end."""

_UNKNOWN_SECONDS = 1e-9
"""For a packet that was lost and does not say how long it is."""


class UndecodableError(Exception):
    """There is no sound to be had from the bytes; the message is half a sentence that says why."""


class Decoder:
    """Decodes the first (or best) sound track of a file object, a stream of bytes or an address."""

    def __init__(
        self,
        source: Any,
        *,
        form: Form | None = None,
        timeout: float | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        """Open a source.

        Args:
            source: an object with ``read(n)`` (and ``seek``, if it can), or an address that ffmpeg opens.
            form: what the samples are to be; None takes the first frame's.
            timeout: for an address, how long to wait for bytes, in seconds.
            options: ffmpeg's options for the container.

        Raises:
            UndecodableError: the bytes are no sound, or hold none.
            OSError: reading failed.
        """
        self.form = form
        self.samples = 0
        """Samples decoded so far."""
        self.missing = 0.0
        """Seconds missing so far between the first and the last sound."""
        self._expected: float | None = None  # time stamp that the next frame should bear
        self._tag_left = 0  # bytes to the end of a tag among the packets
        self._packets_heard = 0
        self._bytes_heard = 0
        self._missing_from = 0.0
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, int, str] | None = None
        head = Mp3Head(source.read) if hasattr(source, "read") and not hasattr(source, "seek") else None
        opened: Any = head or source
        try:
            # Tags in an unknown encoding must not keep the music from being heard.
            self._container = av.open(opened, mode="r", metadata_errors="replace", timeout=timeout, options=options)
        except OSError:
            raise
        except (av.FFmpegError, ValueError):
            raise UndecodableError("ffmpeg finds no sound in it (something else, or cut off or damaged?)") from None
        self.format_name: str = self._container.format.name
        if self.format_name in _GUESSED:
            self.close()
            raise UndecodableError("ffmpeg finds no sound in it (is it text, a web page perhaps?)")
        name = source if isinstance(source, str) else getattr(source, "name", None)
        if not str(name).lower().endswith(_ALIKE.get(self.format_name, "")):
            self.close()
            raise UndecodableError("nothing in it says which format it has (is it raw PCM?)")
        self.encoder_samples = head.samples if head is not None and self.format_name == "mp3" else None
        """How many samples the encoder of an MP3 that came through a pipe says there are."""
        self.first_position: int | None = None
        """Byte at which the first packet of sound begins."""
        self._is_bare = self.format_name in _BARE
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            self.close()
            raise UndecodableError("it has no sound track")
        self._stream = stream

    @property
    def header_seconds(self) -> float | None:
        """How long the sound is by the container's header (or by ffmpeg's guess), in seconds."""
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        others = [other for other in container.streams if other.type in ("audio", "video")]
        if container.duration is not None and len(others) == 1:  # a film may well be longer than its sound
            return float(container.duration / 1_000_000)
        return None

    @property
    def seconds(self) -> float:
        """How much was decoded so far."""
        return self.samples / self.form.samplerate if self.form else 0.0

    @property
    def damage(self) -> str | None:
        """What is missing between the first and the last sound, in words; None if nothing is."""
        if not self._missing_from:
            return None
        amount = f" ({self.missing:.1f} s of it in all)" if self.missing >= _JITTER_SECONDS else ""
        return f"damaged: sound is missing at {self._missing_from:.1f} s{amount}"

    def __iter__(self) -> Iterator[Block]:
        """Yield the sound.

        Packets that cannot be decoded and times without packets are passed over, and ``damage`` tells of them; what
        is wrong before the first sound and after the last is not, because tags and cut frames look like that.

        Raises:
            UndecodableError: there was no sound at all.
            OSError: reading failed.
        """
        blocks = self._blocks()
        is_counted = self.encoder_samples is not None and self.form is None
        yield from without_padding(blocks, self.encoder_samples or 0) if is_counted else blocks

    def close(self) -> None:
        """Release the decoder; the source stays open."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _blocks(self) -> Iterator[Block]:
        unheard = 0.0  # seconds that packets without sound in them should have held
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                unheard += self._unheard(packet)
                continue
            if frames:
                self._packets_heard += 1
                self._bytes_heard += packet.size
            elif self._is_bare and packet.size:  # the decoder knows the beginning of a tag, but not what comes with it
                unheard += self._unheard(packet)
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)  # only a sound track is demuxed
                if self.first_position is None:
                    self.first_position = packet.pos
                missing = self._missing_before(frame, unheard)
                unheard = 0.0
                for samples in self._convert(frame):
                    yield from self._cut(samples, packet.pos, missing)
                    missing = None
        for samples in self._drain():
            yield from self._cut(samples, None, None)
        if not self.samples:
            raise UndecodableError(_NOTHING)

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        try:
            yield from self._container.demux(self._stream)
        except OSError:
            raise
        except av.FFmpegError as error:
            if not self.samples:
                raise UndecodableError(_WHY_NOT.get(self.format_name, _NOTHING)) from error
            self._missing_from = self._missing_from or self.seconds

    def _unheard(self, packet: av.Packet[av.AudioStream]) -> float:
        """Return how many seconds a packet that cannot be decoded should have held; 0 if it is no sound."""
        seconds = float((packet.duration or 0) * (packet.time_base or 0)) or _UNKNOWN_SECONDS
        if not self._is_bare or not self._bytes_heard:
            return seconds
        # Everything up to the next head that ffmpeg found: as long as frames of the usual size take that many bytes.
        return seconds * self._without_tags(bytes(packet)) * self._packets_heard / self._bytes_heard

    def _without_tags(self, data: bytes) -> int:
        """Return how many of the bytes are not of tags, which stand where one song follows another."""
        while data:
            data, self._tag_left = data[self._tag_left :], max(0, self._tag_left - len(data))
            if not self._tag_left:
                self._tag_left = tag_bytes(data)
                if not self._tag_left:
                    break
        return len(data)

    def _convert(self, frame: av.AudioFrame) -> Iterator[NDArray[np.float32]]:
        if self.form is None:
            self.form = Form(frame.sample_rate, frame.layout.name)
        kind = (frame.format.name, frame.sample_rate, frame.layout.name)
        if kind != self._kind:  # the resampler takes one kind of frame only
            yield from self._drain()
            self._kind = kind
            self._resampler = av.AudioResampler("flt", self.form.layout, self.form.samplerate)
        assert self._resampler is not None
        frame.pts = None  # by time stamps the resampler would fill or cut; sound here is counted in samples
        for converted in self._resampler.resample(frame):
            yield _samples(converted)

    def _drain(self) -> Iterator[NDArray[np.float32]]:
        if self._resampler is not None:
            for converted in self._resampler.resample(None):
                yield _samples(converted)
            self._resampler = None
            self._kind = None

    def _missing_before(self, frame: av.AudioFrame, unheard: float) -> float | None:
        """Return the seconds missing before a frame (0: nobody knows how many), or None if it follows the last one."""
        began = expected = self._expected
        if frame.pts is not None and frame.time_base is not None and not self._is_bare:
            began = float(frame.pts * frame.time_base)
        if began is not None:  # a frame without a time stamp follows the one before it
            self._expected = began + frame.samples / frame.sample_rate
        if not self.samples:
            return None
        jump = began - expected if began is not None and expected is not None else 0.0
        if not unheard and jump < _JITTER_SECONDS:
            return None
        missing = jump if jump > 0 else unheard
        if missing >= _MAX_JUMP_SECONDS:
            missing = 0.0
        self._missing_from = self._missing_from or self.seconds
        self.missing += missing
        return missing

    def _cut(self, samples: NDArray[np.float32], position: int | None, missing: float | None) -> Iterator[Block]:
        assert self.form is not None  # it is the first frame's
        for begin in range(0, len(samples), _MAX_BLOCK):
            piece = samples[begin : begin + _MAX_BLOCK]
            self.samples += len(piece)
            yield Block(piece, position, round((missing or 0.0) * self.form.samplerate), missing is not None)
            missing = None


_NOTHING = "nothing in it could be decoded as sound"

_WHY_NOT = {
    "mov,mp4,m4a,3gp,3g2,mj2": "its index comes last, so it cannot be read as it arrives: give it as a file, "
    "or write it with ffmpeg -movflags +faststart",
}


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Return a packed float frame as (n, channels)."""
    return frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, frame.layout.nb_channels)
