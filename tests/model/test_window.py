"""The rolling buffer cuts the windows that slicing would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.window import WindowBuffer


@given(
    patch=st.integers(1, 12),
    hop=st.integers(1, 20),
    total=st.integers(0, 80),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_windows_equal_slices_for_any_cut(patch: int, hop: int, total: int, cuts: list[int]) -> None:
    frames = np.arange(total * 2, dtype=np.float32).reshape(total, 2)
    powers = np.arange(total, dtype=float)
    buffer = WindowBuffer(patch, hop, 2)
    at = sorted(cut % (total + 1) for cut in cuts)
    got = [
        window
        for piece, power in zip(np.split(frames, at), np.split(powers, at), strict=True)
        for window in buffer.feed(piece, power)
    ]
    starts = [start for start in range(0, total, hop) if start + patch <= total]
    assert [index for index, _, _ in got] == [start // hop for start in starts]
    for (_, window, power), start in zip(got, starts, strict=True):
        np.testing.assert_array_equal(window, frames[start : start + patch])
        assert power == powers[start : start + patch].mean()


def test_a_window_stays_as_it_was_cut() -> None:
    buffer = WindowBuffer(2, 1, 1)
    first = buffer.feed(np.float32([[1], [2]]), np.zeros(2))[0][1]
    buffer.feed(np.float32([[3]]), np.zeros(1))
    assert first.tolist() == [[1], [2]]


def test_a_restart_goes_on_at_the_next_window_of_the_grid() -> None:
    buffer = WindowBuffer(patch=4, hop=3, n_mels=1)
    buffer.feed(np.zeros((5, 1), np.float32), np.zeros(5))  # window 0 is out, window 1 began at frame 3
    buffer.restart(position=7, first_usable=8)
    frames = np.arange(7, 20, dtype=np.float32)[:, None]
    cuts = buffer.feed(frames, np.zeros(len(frames)))
    assert [(index, window[0, 0]) for index, window, _ in cuts] == [(3, 9), (4, 12), (5, 15)]
