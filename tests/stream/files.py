"""Sound files for tests, written through PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


def write(path: Path, samples: np.ndarray, samplerate: int, *, codec: str = "pcm_f32le", bit_rate: int = 0) -> Path:
    """Write samples of shape (n,) or (n, channels) with a codec; the container is the name's."""
    samples = samples[:, None] if samples.ndim == 1 else samples
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=samplerate, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T, np.float32), format="fltp", layout=layout)
        frame.sample_rate = samplerate
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=samplerate)
        pieces = [*resampler.resample(frame), *resampler.resample(None)]
        size = stream.codec_context.frame_size or 4096
        fifo = av.AudioFifo()
        for piece in pieces:
            piece.pts = None
            fifo.write(piece)
        while (piece := fifo.read(size)) or (piece := fifo.read(0, partial=True)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path
