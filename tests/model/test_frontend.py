"""A model's own front-end: what is described is what is computed, and nothing else is accepted."""

import json

import librosa
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract import DEFAULT_MODEL
from model.features import FeatureStream
from model.frontend import MTG_JAMENDO, FrontEnd, FrontEndError
from model.mel import mel_filters, melspectrogram


def test_the_default_models_description_is_word_for_word_ours() -> None:
    entries = {entry.key: entry.value for entry in onnx.load(DEFAULT_MODEL).metadata_props}
    assert entries["frontend"] == json.dumps(FrontEnd().to_metadata())


@pytest.mark.parametrize(
    "frontend",
    [
        FrontEnd(),
        FrontEnd(window="hann_symmetric"),
        MTG_JAMENDO,
        FrontEnd(samplerate=22050, n_fft=1024, hop=512, n_mels=128, fmin=30.0, fmax=11_000.0, patch=128),
    ],
)
def test_what_is_written_is_read(frontend: FrontEnd) -> None:
    assert FrontEnd.from_metadata(json.loads(json.dumps(frontend.to_metadata()))) == frontend


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samplerate": 3000}, "samplerate is 3000 in the file and 4000 to 96000 here"),
        ({"samplerate": 16000.0}, "samplerate is 16000.0 in the file and 4000 to 96000 here"),
        ({"samplerate": None}, "samplerate is None in the file and 4000 to 96000 here"),
        ({"n_fft": 1024}, "n_fft is 1024 in the file and 512 here"),
        ({"hop": 160}, "n_fft is 512 in the file and 320 here"),
        ({"fmax": 9000}, "fmax is 9000 in the file and 1.0 to 8000.0 here"),
        ({"fmin": 500, "fmax": 400}, "fmax is 400 in the file and 501.0 to 8000.0 here"),
        ({"fmin": float("nan")}, "fmin is nan in the file and 0.0 to 8000.0 here"),
        ({"n_mels": True}, "n_mels is True in the file and 1 to 256 here"),
        ({"patch": 10**9}, "patch is 1000000000 in the file and 1 to 16384 here"),
        ({"window": "hamming"}, "window is 'hamming' in the file and 'hann_periodic' or 'hann_symmetric' here"),
        ({"compression": "ln"}, "compression is 'ln' in the file and 'log10(1 + 10000 x)' or "),
        ({"framing": "from the first sample"}, "and 'centred, zero padding' here"),
        ({"power": 1, "lifter": 3}, "lifter is 3 in the file and None here; power is 1 in the file and 2 here"),
    ],
)
def test_what_is_not_computed_is_refused_with_both_values(change: dict[str, object], said: str) -> None:
    with pytest.raises(FrontEndError) as caught:
        FrontEnd.from_metadata({**FrontEnd().to_metadata(), **change})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_description_that_leaves_something_out_is_refused() -> None:
    description = FrontEnd().to_metadata()
    del description["compression"]
    with pytest.raises(FrontEndError, match="compression is None in the file"):
        FrontEnd.from_metadata(description)


class TestMtgJamendo:
    def test_the_filters_are_librosas_at_12_khz(self) -> None:
        reference = librosa.filters.mel(sr=12000, n_fft=512, n_mels=96, fmin=0, fmax=6000, dtype=np.float64)
        np.testing.assert_allclose(mel_filters(MTG_JAMENDO).T, reference, rtol=0, atol=1e-12)

    def test_mels_are_twenty_times_the_logarithm_of_power_with_a_floor(self) -> None:
        signal = np.random.default_rng(0).normal(0, 0.1, 24_000)
        signal[12_000:] = 0
        reference = librosa.feature.melspectrogram(
            y=signal, sr=12000, n_fft=512, hop_length=256, window=np.hanning(512), n_mels=96, pad_mode="constant"
        )
        mels = melspectrogram(signal, MTG_JAMENDO)
        np.testing.assert_allclose(mels, 20 * np.log10(np.maximum(reference.T, 1e-10)), rtol=0, atol=1e-4)
        assert mels.min() == -200
        assert mels.dtype == np.float32

    @given(cuts=st.lists(st.integers(0, 30_000), max_size=8))
    def test_streaming_equals_offline(self, cuts: list[int]) -> None:
        signal = np.random.default_rng(1).normal(0, 0.1, 30_000).astype(np.float32)
        stream = FeatureStream(12000, MTG_JAMENDO)
        frames = [stream.feed(piece)[0] for piece in np.split(signal, sorted(cuts))]
        whole = melspectrogram(signal, MTG_JAMENDO)[: 30_000 // 256]
        np.testing.assert_allclose(np.concatenate([*frames, stream.flush()[0]]), whole, rtol=0, atol=1e-4)
