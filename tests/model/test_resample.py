"""Downmix and resampling: any rate, any channel count, any cut."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from model.resample import Resampler, downmix, grid_step, resample

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000]


@given(
    rate=st.sampled_from(RATES) | st.integers(8000, 192000),
    cuts=st.lists(st.integers(0, 20000), max_size=8),
    seed=st.integers(0, 9),
)
def test_streaming_equals_the_whole_at_once_bit_for_bit(rate: int, cuts: list[int], seed: int) -> None:
    signal = np.random.default_rng(seed).normal(0, 0.1, 20000).astype(np.float32)
    resampler = Resampler(rate)
    pieces = [resampler.feed(piece) for piece in np.split(signal, sorted(cuts))]
    streamed = np.concatenate([*pieces, resampler.flush()])
    expected = signal if rate == 16000 else soxr.resample(signal, rate, 16000, quality="HQ")
    np.testing.assert_array_equal(streamed, expected)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_pitch_and_level(rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate * 2) / rate).astype(np.float32)
    out = resample(tone, rate)[8000:24000]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert np.argmax(spectrum) == 1000  # bins of 1 Hz
    assert np.sqrt(2 * np.mean(out**2)) == pytest.approx(1.0, abs=1e-3)


@given(st.integers(1, 8), st.integers(0, 50), st.integers(0, 9))
def test_downmix_is_the_mean_of_all_channels(channels: int, samples: int, seed: int) -> None:
    signal = np.random.default_rng(seed).normal(0, 1, (samples, channels)).astype(np.float32)
    np.testing.assert_allclose(downmix(signal), signal.mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(downmix(signal, channels - 1), signal[:, -1])


def test_loud_channels_do_not_overflow_the_mean() -> None:
    assert np.isfinite(downmix(np.full((1, 2), 3e38, dtype=np.float32))).all()


def test_a_channel_that_is_not_there_is_named_as_people_count() -> None:
    with pytest.raises(ValueError, match="channel 3 was asked for, but the sound has 2"):
        downmix(np.zeros((10, 2)), 2)


@pytest.mark.parametrize("rate", [0, -1, 7999, 192001])
def test_rates_out_of_range_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="8000 to 192000 Hz"):
        Resampler(rate)


@given(st.integers(8000, 192000))
def test_the_grid_step_is_the_smallest_whole_number_of_samples_and_hops(rate: int) -> None:
    step = grid_step(rate, 16000, 256)
    assert step * 16000 % (rate * 256) == 0
    hops = step * 16000 // (rate * 256)
    assert all((hops // prime * 256 * rate) % 16000 for prime in (2, 5) if hops % prime == 0)
