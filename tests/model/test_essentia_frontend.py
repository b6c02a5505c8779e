"""The front-end of Essentia's models is Essentia's own: golden frames of its TensorflowInputMusiCNN.

``essentia_musicnn.npy`` holds some frames of the sound below, shape (14, 96), made with essentia 2.1-beta6-dev from
PyPI by its streaming FrameCutter(frameSize=512, hopSize=256) and TensorflowInputMusiCNN, all else at its default, as
TensorflowPredictMusiCNN and TensorflowPredictEffnetDiscogs use them. Essentia computes in float32, we do not.
"""

from pathlib import Path

import numpy as np

from model.frontend import FrontEnd
from model.mel import melspectrogram
from tests.stream.sound import tune

FRAMES = slice(0, 181, 13)
GOLDEN = Path(__file__).with_name("essentia_musicnn.npy")


def sound() -> np.ndarray:
    """3 s at 16 kHz with a second of digital silence in the middle, to which Essentia adds noise at -100 dB."""
    return np.concatenate([tune(1.0), np.zeros(16_000, np.float32), tune(1.0, seed=1)])


def test_frames_are_essentias() -> None:
    golden = np.load(GOLDEN)
    ours = melspectrogram(sound(), FrontEnd(window="hann_symmetric"))[FRAMES]
    assert golden.shape == ours.shape == (14, 96)
    assert np.ptp(golden) > 4  # of about 5
    np.testing.assert_allclose(ours, golden, rtol=0, atol=1e-4)
    assert np.abs(melspectrogram(sound())[FRAMES] - golden).max() > 1e-2  # the periodic window is not the one
