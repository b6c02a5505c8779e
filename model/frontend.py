"""The front-end's parameters: what turns sound into the mel frames a network sees.

They belong to a model, not to a user: they are written into the ONNX file's metadata at export and read from it at
load, so that training, evaluation and streaming can never drift apart.

    from model.frontend import FrontEnd, MTG_JAMENDO
    FrontEnd()                            # the project's own: 16 kHz, periodic Hann, 96 Slaney bands, 187-frame windows
    FrontEnd(window="hann_symmetric")     # what Essentia's models expect
    MTG_JAMENDO                           # that of MTG-Jamendo's ready-made mels: 12 kHz, decibels, 4,096-frame windows
    FrontEnd.from_metadata(asked)         # what a file asks for, or a FrontEndError that shows both values
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

WindowName = Literal["hann_periodic", "hann_symmetric"]
Compression = Literal["log10(1 + 10000 x)", "20 log10(max(x, 1e-10))"]

_FIXED = {"power": 2, "mel_scale": "slaney", "mel_norm": "slaney", "framing": "centred, zero padding"}
"""What a file's metadata says of the parts that are the same in every front-end of this program."""


class FrontEndError(ValueError):
    """A front-end that this program does not compute; the message names each parameter with both values.

    It is one line, such as ``power is 1 in the file and 2 here; n_fft is 512 in the file and 320 here``.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class FrontEnd:
    """Parameters of the log-mel front-end. The defaults are the project's contract.

    Attributes:
        samplerate: of the mono signal that is analysed, in Hz.
        n_fft: length of one analysis frame, in samples: two hops.
        hop: samples from one frame to the next.
        window: ``hann_periodic`` (librosa, SciPy ``sym=False``) or ``hann_symmetric`` (Essentia).
        n_mels: number of mel bands, on Slaney's scale with Slaney's area normalisation.
        fmin: lower edge of the first band, in Hz.
        fmax: upper edge of the last band, in Hz.
        patch: frames in one window, the network's input length.
        compression: what becomes of a band's power.
    """

    samplerate: int = 16000
    n_fft: int = 512
    hop: int = 256
    window: WindowName = "hann_periodic"
    n_mels: int = 96
    fmin: float = 0.0
    fmax: float = 8000.0
    patch: int = 187
    compression: Compression = "log10(1 + 10000 x)"

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
        parameters = dataclasses.asdict(self)
        compression = parameters.pop("compression")  # comes after the fixed parts, as in files made before it varied
        return {**parameters, **_FIXED, "compression": compression, "dtype": "float32"}

    @classmethod
    def from_metadata(cls, asked: Mapping[str, Any]) -> FrontEnd:
        """Return the front-end that a file's metadata describes.

        Raises:
            FrontEndError: this program does not compute it; both values of each difference are shown.
        """
        here = _computed(asked)
        differences = [
            f"{key} is {asked.get(key)!r} in the file and {_shown(here.get(key))} here"
            for key in sorted(here.keys() | asked.keys())
            if not _fits(asked.get(key), here.get(key))
        ]
        if differences:
            raise FrontEndError("; ".join(differences))
        values = {field.name: asked[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "fmin": float(values["fmin"]), "fmax": float(values["fmax"])})


MTG_JAMENDO = FrontEnd(
    samplerate=12000,
    window="hann_symmetric",
    fmax=6000.0,
    patch=4096,
    compression="20 log10(max(x, 1e-10))",
)
"""The front-end of the mels that MTG-Jamendo offers beside its audio, with the window of UAI-CNRL's network (87.4 s).

Source: ``scripts/melspectrograms.py`` of the data set's repository, which runs Essentia: frames centred, symmetric Hann
window, power spectrum, 96 ``slaneyMel`` bands of ``unit_tri`` area from 0 Hz to half the rate, then decibels with a
scale of 2. That scale is meant for amplitudes but the bands are powers, so a decibel counts twice (issue 51 of that
repository); we compute what the files hold. Two things are not the same. Those files were resampled by linear
interpolation (``resampleQuality=4``), which folds what is above 6 kHz back into the bands; here it is done properly. On
a minute of our demo's music that moves a value by 0.9 in the median, 4.4 in the mean, where values span 230. And old
versions of Essentia cut off digital silence at 1e-9, not 1e-10. A ``.npy`` file is of shape (96, frames): it has to be
transposed.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class _Interval:
    least: float
    greatest: float


_Values = range | _Interval | tuple[Any, ...] | None
"""Whole numbers, numbers, or the values themselves."""


def _computed(asked: Mapping[str, Any]) -> dict[str, _Values]:
    """Return what this program computes, by the name of the parameter; bounds are what a machine bears."""
    rates, hops = range(4000, 96_001), range(32, 2049)
    # The other values that bound these are named as well if they are wrong: any of them will do here then.
    rate = asked["samplerate"] if _fits(asked.get("samplerate"), rates) else FrontEnd().samplerate
    hop = asked["hop"] if _fits(asked.get("hop"), hops) else FrontEnd().hop
    top = rate / 2
    fmin = asked["fmin"] if _fits(asked.get("fmin"), _Interval(0.0, top)) else 0.0
    return {
        "samplerate": rates,
        # A frame and the samples it is centred on are complete at the same sample only if it is two hops long.
        "n_fft": (2 * hop,),
        "hop": hops,
        "window": get_args(WindowName),
        "n_mels": range(1, 257),
        "fmin": _Interval(0.0, top),
        "fmax": _Interval(min(fmin + 1.0, top), top),
        "patch": range(1, 16_385),
        **{key: (value,) for key, value in _FIXED.items()},
        "compression": get_args(Compression),
        "dtype": ("float32",),
    }


def _fits(value: Any, values: _Values) -> bool:
    match values:
        case range():
            return type(value) is int and value in values
        case _Interval():
            return type(value) in (int, float) and values.least <= value <= values.greatest
        case tuple():
            return value in values
        case None:
            return False


def _shown(values: _Values) -> str:
    match values:
        case range():
            return f"{values.start} to {values.stop - 1}"
        case _Interval():
            return f"{values.least} to {values.greatest}"
        case tuple():
            return " or ".join(repr(value) for value in values)
        case None:
            return "None"
