"""Levels give back the front-end's frames, and a gain is an addition, for both compressions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.frontend import MTG_JAMENDO, FrontEnd
from model.mel import compress
from train.data.features import to_frames, to_levels

FRONTENDS = pytest.mark.parametrize("frontend", [FrontEnd(), MTG_JAMENDO], ids=["bent", "decibels"])
POWERS = arrays.arrays(np.float64, (7, 5), elements=st.floats(-10, 3).map(lambda exponent: 10.0**exponent))


@FRONTENDS
@given(power=POWERS)
def test_frames_come_back(frontend: FrontEnd, power: np.ndarray) -> None:
    frames = compress(power, frontend)
    levels = to_levels(frames, frontend.compression)
    assert levels.dtype == np.float16
    # Half a step of float16: levels are below 8, so 2^-9 of log10 at most; a decibel counts twice in the other one.
    allowed = 0.005 if frontend.compression == FrontEnd().compression else 20 * 2.0**-9
    np.testing.assert_allclose(to_frames(levels, frontend.compression), frames, rtol=0, atol=allowed)


@FRONTENDS
@given(power=POWERS, gain_db=st.floats(-20, 20))
def test_a_gain_is_an_addition(frontend: FrontEnd, power: np.ndarray, gain_db: float) -> None:
    power = np.maximum(power, 1e-4 if frontend.compression == FrontEnd().compression else 1e-7)
    levels = to_levels(compress(power, frontend), frontend.compression).astype(np.float32)
    louder = to_frames(levels + np.float32(gain_db / 10), frontend.compression)
    expected = compress(power * 10 ** (gain_db / 10), frontend)
    allowed = 0.005 if frontend.compression == FrontEnd().compression else 20 * 2.0**-9
    np.testing.assert_allclose(louder, expected, rtol=0, atol=allowed + 1e-4)


@FRONTENDS
def test_silence_stays_silence(frontend: FrontEnd) -> None:
    frames = compress(np.zeros((3, 4)), frontend)
    np.testing.assert_allclose(
        to_frames(to_levels(frames, frontend.compression), frontend.compression), frames, atol=1e-3
    )
