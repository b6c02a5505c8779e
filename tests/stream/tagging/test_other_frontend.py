"""A model brings its own front-end: 12 kHz, decibels, windows of 4,096 frames and a hop of its own."""

import itertools
import json

import numpy as np
import pytest

from model.contract import Model, load
from model.frontend import MTG_JAMENDO
from model.mel import melspectrogram
from model.resample import resample
from stream.tagging.audio import AudioChunk
from stream.tagging.session import Session, SessionOptions
from tests import models
from tests.stream.sound import chunks, estimates, finals, listen, tune
from tests.stream.tagging.test_resume import relay, same

HOP = 469  # 10.005 s
WINDOW_S = 4096 * 256 / 12_000


@pytest.fixture(scope="module")
def long_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    weights = np.random.default_rng(7).normal(0, 0.002, (96, 4)).astype(np.float32)
    network = models.tiny_network(patch=MTG_JAMENDO.patch, weights=weights)
    entries = models.metadata(frontend=json.dumps(MTG_JAMENDO.to_metadata()))
    return load(models.save(tmp_path_factory.mktemp("model") / "long.onnx", network, entries))


def offline(sound: np.ndarray, rate: int, model: Model) -> np.ndarray:
    samples = resample(sound, rate, 12_000)
    frames = melspectrogram(samples, MTG_JAMENDO)[: len(samples) // 256]
    starts = range(0, len(frames) - 4095, HOP)
    return np.concatenate([model.predict(frames[None, at : at + 4096]) for at in starts])


@pytest.mark.parametrize("rate", [12_000, 16_000, 44_100])
def test_streaming_equals_offline_for_any_cut(long_model: Model, rate: int) -> None:
    sound = tune(110, rate)
    cuts = np.sort(np.random.default_rng(rate).integers(0, len(sound), 40))
    at = [0, *cuts.tolist(), len(sound)]
    pieces = [AudioChunk("s", sound[a:b, None], rate, a) for a, b in itertools.pairwise(at)]
    records = listen(Session("s", long_model, SessionOptions(hop_frames=HOP)), pieces)
    got = estimates(records)
    expected = offline(sound, rate, long_model)
    assert len(got) == len(expected) == 3
    np.testing.assert_allclose([list(e.mood.values()) for e in got], expected, rtol=0, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-4  # the windows differ, or nothing would be shown
    (final,) = finals(records)
    assert list(final.running.values()) == pytest.approx(expected.mean(axis=0).tolist(), abs=1e-5)


def test_windows_say_where_they_are_in_the_models_own_samples(long_model: Model) -> None:
    got = estimates(listen(Session("s", long_model, SessionOptions(hop_frames=HOP)), chunks(tune(110))))
    assert [e.start_sample for e in got] == [0, HOP * 256, 2 * HOP * 256]
    assert [e.start_s for e in got] == pytest.approx([0, HOP * 256 / 12_000, 2 * HOP * 256 / 12_000], abs=1e-6)
    assert [e.end_s - e.start_s for e in got] == pytest.approx([WINDOW_S] * 3, abs=2e-6)


def test_there_is_no_score_before_4096_real_frames(long_model: Model) -> None:
    sound = tune(88, 12_000)
    needed = 4096 * 256
    assert not estimates(listen(Session("s", long_model), chunks(sound[: needed - 1], 12_000)))
    assert len(estimates(listen(Session("s", long_model), chunks(sound[:needed], 12_000)))) == 1


def test_a_window_that_no_gap_touches_is_as_if_there_were_none(long_model: Model) -> None:
    sound, rate = tune(110, 44_100), 44_100
    options = SessionOptions(hop_frames=HOP)
    whole = estimates(listen(Session("s", long_model, options), chunks(sound, rate)))
    hole = range(5 * rate, 6 * rate)
    pieces = [*chunks(sound[: hole.start], rate), *chunks(sound[hole.stop :], rate, first=hole.stop)]
    got = estimates(listen(Session("s", long_model, options), pieces))
    assert [e.status for e in got] == ["gap", "ok", "ok"]
    for holed, full in zip(got[1:], whole[1:], strict=True):
        assert holed.mood == pytest.approx(full.mood, abs=1e-5)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_session_goes_on_in_another_process(long_model: Model, rate: int) -> None:
    pieces = list(chunks(tune(110, rate), rate, size=rate))
    sessions = [Session("s", long_model, SessionOptions(hop_frames=HOP)) for _ in range(4)]
    same(relay(sessions[1:], pieces, [30, 99]), relay(sessions[:1], pieces, []))
