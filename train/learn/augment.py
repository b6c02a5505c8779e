"""Augmentation of cached mel levels, at every step anew, on whole batches.

Level and equalisation are additions to log10 power and exact (the front-end's logarithm comes after them); noise and
speech are added in power. Stretches of time and of frequency are hidden as in SpecAugment (Park et al. 2019), and songs
of one group are mixed as in mixup (Zhang et al. 2018).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from model.frontend import Compression
from train.data.features import BENT, DECIBELS, FLOOR, LEAST


@dataclasses.dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly to augment; zeros everywhere leave the windows as they are.

    Attributes:
        gain_db: level, uniform within plus and minus this.
        equaliser_db: greatest boost or cut of a smooth random equaliser.
        noise: share of music windows that get sound that is not music added, 3 to 30 dB below.
        masked_bands: greatest width of each of two hidden stretches of bands.
        masked_frames: greatest length of each of two hidden stretches of frames.
        mixup: parameter of the Beta distribution of the mixing weight.
    """

    gain_db: float = 0.0
    equaliser_db: float = 0.0
    noise: float = 0.0
    masked_bands: int = 0
    masked_frames: int = 0
    mixup: float = 0.0


def augment_levels(
    levels: NDArray[np.float32],
    is_negative: NDArray[np.bool_],
    settings: Augmentation,
    rng: np.random.Generator,
    compression: Compression = BENT,
) -> torch.Tensor:
    """Return the front-end's frames of augmented windows, shape (n, patch, bands).

    Args:
        levels: shape (n, patch, bands), see train.levels.
        is_negative: shape (n,), windows without music; they are what is added to others as noise.
        settings: how strongly.
        rng: generator of this step.
        compression: the front-end's.
    """
    count, _, bands = levels.shape
    change = rng.uniform(-settings.gain_db, settings.gain_db, (count, 1)) / 10.0
    change = change + _equaliser(count, bands, settings.equaliser_db, rng) / 10.0
    power = torch.from_numpy(levels)
    power = torch.exp((power + torch.from_numpy(change.astype(np.float32))[:, None, :]) * float(np.log(10.0)))
    negatives = np.flatnonzero(is_negative)
    if settings.noise and len(negatives):
        noisy = np.flatnonzero(~is_negative & (rng.random(count) < settings.noise))
        added = power[torch.from_numpy(rng.choice(negatives, len(noisy)))]
        ratio = torch.from_numpy(10.0 ** (-rng.uniform(3.0, 30.0, len(noisy)) / 10.0)).float()
        ours = power[torch.from_numpy(noisy)]
        scale = ratio * ours.mean(dim=(1, 2)) / added.mean(dim=(1, 2)).clamp(min=1e-6)
        power[torch.from_numpy(noisy)] = ours + added * scale[:, None, None]
    return _compressed(power, compression)


def hide(frames: torch.Tensor, settings: Augmentation, rng: np.random.Generator) -> None:
    """Hide two stretches of bands and two of frames in every window, in place, behind the window's mean."""
    count, length, bands = frames.shape
    mean = frames.mean(dim=(1, 2))
    for axis, greatest, size in ((2, settings.masked_bands, bands), (1, settings.masked_frames, length)):
        if not greatest:
            continue
        hidden = np.zeros((count, size), bool)
        for _ in range(2):
            width = rng.integers(0, min(greatest, size) + 1, count)
            begin = rng.integers(0, size - width + 1)
            places = np.arange(size)[None]
            hidden |= (places >= begin[:, None]) & (places < (begin + width)[:, None])
        where = torch.from_numpy(hidden)
        where = where[:, None, :] if axis == 2 else where[:, :, None]
        torch.where(where, mean[:, None, None], frames, out=frames)


def mixing(groups: NDArray[np.int64], beta: float, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mixup's partners and weights, shape (n,) each; partners are of the same group.

    A window becomes ``w * window + (1 - w) * partner``, its targets likewise. Without mixup (beta 0) each window is its
    own partner: a partner's mask counts, too, and would hide what is known of the window.
    """
    partners = np.arange(len(groups))
    if not beta:
        return torch.from_numpy(partners), torch.ones(len(groups))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        partners[members] = rng.permutation(members)
    weights = rng.beta(beta, beta, len(groups))
    weights = np.maximum(weights, 1.0 - weights)
    return torch.from_numpy(partners), torch.from_numpy(weights.astype(np.float32))


def _equaliser(count: int, bands: int, greatest_db: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return smooth curves over the bands in dB, shape (count, bands): three cosines of random strength and phase."""
    place = np.linspace(0.0, np.pi, bands)
    curves = np.zeros((count, bands))
    for waves in (0.5, 1.0, 2.0):
        phase = rng.uniform(0.0, 2.0 * np.pi, (count, 1))
        curves += rng.uniform(-1.0, 1.0, (count, 1)) * np.cos(waves * place[None] + phase)
    return curves * (greatest_db / np.maximum(np.abs(curves).max(axis=1, keepdims=True), 1.0))


def _compressed(power: torch.Tensor, compression: Compression) -> torch.Tensor:
    """Return the front-end's frames for ``10 ** levels``, same shape."""
    if compression == DECIBELS:
        return 20.0 * (torch.log10(power.clamp(min=LEAST)) - 4.0)
    return torch.log10(1.0 + (power - FLOOR).clamp(min=0.0))
