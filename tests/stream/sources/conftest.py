from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.pulse import pulse
from tests.stream.sources.sounds import music, write

__all__ = ["pulse"]


@pytest.fixture
def song(tmp_path) -> Path:
    # Silence first: the monitor of a null sink misses the beginning of what is played.
    sound = np.concatenate([np.zeros((44100, 2), np.float32), music(1.5, 44100)])
    write(tmp_path / "song.wav", sound, 44100, "pcm_s16le")
    return tmp_path / "song.wav"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
