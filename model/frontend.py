"""The front-end's parameters: what turns 16 kHz sound into the mel frames a network sees.

They belong to a model, not to a user: they are written into the ONNX file's metadata at export and compared at load,
so that training, evaluation and streaming can never drift apart.

    from model.frontend import FrontEnd
    FrontEnd()                            # the project's own: periodic Hann, 96 Slaney bands, 187-frame windows
    FrontEnd(window="hann_symmetric")     # what Essentia's models expect
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

WindowName = Literal["hann_periodic", "hann_symmetric"]


@dataclasses.dataclass(frozen=True, slots=True)
class FrontEnd:
    """Parameters of the log-mel front-end. The defaults are the project's contract.

    Attributes:
        samplerate: of the mono signal that is analysed, in Hz.
        n_fft: length of one analysis frame, in samples.
        hop: samples from one frame to the next.
        window: ``hann_periodic`` (librosa, SciPy ``sym=False``) or ``hann_symmetric`` (Essentia).
        n_mels: number of mel bands, on Slaney's scale with Slaney's area normalisation.
        fmin: lower edge of the first band, in Hz.
        fmax: upper edge of the last band, in Hz.
        patch: frames in one window, the network's input length.
    """

    samplerate: int = 16000
    n_fft: int = 512
    hop: int = 256
    window: WindowName = "hann_periodic"
    n_mels: int = 96
    fmin: float = 0.0
    fmax: float = 8000.0
    patch: int = 187

    @property
    def pad(self) -> int:
        """Zeros before the first and after the last sample (centred framing), in samples."""
        return self.n_fft // 2

    @property
    def window_samples(self) -> int:
        """Samples that must have come before the first window is complete: 47,872 by default (2.992 s)."""
        return self.patch * self.hop

    @property
    def frames_per_second(self) -> float:
        """Mel frames a second: 62.5 by default."""
        return self.samplerate / self.hop

    def to_metadata(self) -> dict[str, Any]:
        """Return the description that an ONNX file carries, with the parts that are fixed in this program spelt out."""
        return {
            **dataclasses.asdict(self),
            "power": 2,
            "mel_scale": "slaney",
            "mel_norm": "slaney",
            "framing": "centred, zero padding",
            "compression": "log10(1 + 10000 x)",
            "dtype": "float32",
        }
