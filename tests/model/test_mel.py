"""The front-end: streaming equals offline for any cut, and offline equals librosa."""

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.frontend import FrontEnd
from model.mel import MelStream, analysis_window, mel_filters, melspectrogram


def noise(samples: int, seed: int = 0) -> np.ndarray:
    """White noise with a level that changes, so that loud and faint bands both occur."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, samples) * np.geomspace(1e-4, 0.5, max(samples, 1))[:samples]


def in_pieces(stream: MelStream, signal: np.ndarray, sizes: list[int]) -> np.ndarray:
    frames, at = [], 0
    for size in sizes:
        frames.append(stream.feed(signal[at : at + size]))
        at += size
    return np.concatenate([*frames, stream.flush()])


@given(data=st.data(), samples=st.integers(0, 6000))
def test_frames_do_not_depend_on_how_the_signal_is_cut(data: st.DataObject, samples: int) -> None:
    signal = noise(samples, seed=samples)
    points = sorted(data.draw(st.lists(st.integers(0, samples), max_size=12)))
    sizes = np.diff([0, *points, samples]).tolist()
    streamed = in_pieces(MelStream(), signal, sizes)
    np.testing.assert_allclose(streamed, melspectrogram(signal), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 16000])
def test_frames_are_the_same_for_pieces_of_one_size(size: int) -> None:
    signal = noise(16000)
    pieces = -(-len(signal) // size)
    streamed = in_pieces(MelStream(), signal, [size] * pieces)
    np.testing.assert_allclose(streamed, melspectrogram(signal), rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large")  # librosa, of a signal shorter than a frame
@given(samples=st.integers(1, 40000), seed=st.integers(0, 99))
def test_offline_equals_librosa(samples: int, seed: int) -> None:
    signal = noise(samples, seed)
    reference = librosa.feature.melspectrogram(
        y=signal, sr=16000, n_fft=512, hop_length=256, n_mels=96, power=2.0, center=True, pad_mode="constant"
    )
    ours = melspectrogram(signal)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.log10(1 + 10000 * reference.T), rtol=0, atol=1e-6)


def test_the_filters_are_librosas() -> None:
    reference = librosa.filters.mel(sr=16000, n_fft=512, n_mels=96, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(FrontEnd()).T, reference, rtol=0, atol=1e-12)


def test_the_essentia_variant_differs_in_the_window_alone() -> None:
    symmetric = FrontEnd(window="hann_symmetric")
    np.testing.assert_allclose(analysis_window(symmetric), np.hanning(512), atol=1e-12)
    np.testing.assert_allclose(analysis_window(FrontEnd()), librosa.filters.get_window("hann", 512), atol=1e-12)
    signal = noise(16000)
    assert np.abs(melspectrogram(signal, symmetric) - melspectrogram(signal)).max() > 1e-4


@pytest.mark.parametrize(("samples", "frames"), [(0, 1), (1, 1), (255, 1), (256, 2), (47_872, 188), (48_000, 188)])
def test_the_number_of_frames_is_that_of_centred_framing(samples: int, frames: int) -> None:
    assert melspectrogram(np.zeros(samples)).shape == (frames, 96)


def test_the_first_window_needs_47872_samples() -> None:
    stream = MelStream()
    assert len(stream.feed(np.zeros(47_871))) == 186
    assert len(stream.feed(np.zeros(1))) == 1


def test_a_stream_that_was_reset_has_forgotten_everything() -> None:
    stream = MelStream()
    stream.feed(noise(5000))
    stream.reset()
    signal = noise(3000, seed=1)
    np.testing.assert_array_equal(in_pieces(stream, signal, [3000]), melspectrogram(signal))


def test_stereo_is_refused() -> None:
    with pytest.raises(ValueError, match="mono"):
        MelStream().feed(np.zeros((100, 2)))
