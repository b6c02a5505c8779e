"""Sound for training: decode a file to mono 16 kHz, and pass sound through a lossy codec.

samples = read_audio(Path("song.opus"))            # 16 kHz
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 16000


class AudioError(Exception):
    """A file that cannot be decoded; the message says which and why."""


def located(path: Path) -> Path:
    """Return where a song's file is: at its path, or as MTG-Jamendo names its smaller files, ``7400.low.mp3``."""
    low = path.with_name(f"{path.stem}.low{path.suffix}")
    return low if not path.exists() and low.is_file() else path


def read_audio(source: Path | io.BytesIO, samplerate: int = RATE) -> NDArray[np.float32]:
    """Return a file's sound as mono samples at ``samplerate`` (in Hz), shape (n,), full scale at 1.0.

    The channels' mean is taken before resampling, as on the live side.

    Raises:
        AudioError: if nothing can be decoded.
    """
    name = source.name if isinstance(source, Path) else "encoded sound"
    pieces: list[NDArray[np.float32]] = []
    rate = 0
    try:
        with av.open(source if isinstance(source, io.BytesIO) else str(source)) as container:
            convert = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                rate = frame.sample_rate
                pieces.extend(part.to_ndarray().mean(axis=0) for part in convert.resample(frame))
            pieces.extend(part.to_ndarray().mean(axis=0) for part in convert.resample(None))
    except (av.error.FFmpegError, IndexError, OSError, ValueError) as error:
        raise AudioError(f"{name}: {error}") from error
    if not pieces:
        raise AudioError(f"{name}: no sound in it")
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: samples that are not finite")
    return soxr.resample(samples, rate, samplerate) if rate != samplerate else samples


def through_codec(samples: NDArray[np.float32], codec: str, bit_rate: int) -> NDArray[np.float32]:
    """Return mono 16 kHz samples as they sound after encoding and decoding.

    Args:
        samples: shape (n,).
        codec: ``libmp3lame``, ``libopus`` or ``aac``.
        bit_rate: in bits a second.
    """
    container_format = {"libmp3lame": "mp3", "libopus": "ogg", "aac": "adts"}[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(
            np.clip(samples, -1, 1)[None].astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        context = stream.codec_context
        resampler = av.AudioResampler(context.format, "mono", RATE, frame_size=context.frame_size or 0)
        for source in (frame, None):
            for part in resampler.resample(source):
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    buffer.seek(0)
    return read_audio(buffer)
