"""Essentia's models: what they are called, what they answer with, and how they are chained."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from model.contract import Model, load
from model.frontend import FrontEnd
from tests import essentia_models as essentia

_RNG = np.random.default_rng(5)
WINDOWS = (_RNG.uniform(0, 3, (3, 1, 96)) + _RNG.uniform(0, 1, (3, 187, 96))).astype(np.float32)


def close(model: Model, expected: np.ndarray, windows: np.ndarray = WINDOWS) -> None:
    assert np.ptp(expected, axis=0).min() > 1e-4, "the windows do not differ, so nothing would be shown"
    np.testing.assert_allclose(model.predict(windows), expected, rtol=0, atol=1e-5)


def sha256(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def test_a_tagger_says_what_it_is(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    info = load(path).info
    assert info.labels == essentia.TAGS
    assert info.frontend == FrontEnd(window="hann_symmetric")
    assert (info.name, info.version, info.sha256) == ("msd-musicnn-1", "1", sha256(path))
    assert info.training == {"msd-musicnn-1": {"name": "none", "size": "nothing"}}
    assert "CC BY-NC-SA" in info.license


@pytest.mark.parametrize(
    "names",
    [essentia.TENSORFLOW, essentia.AS_PUBLISHED, ("model/Placeholder:0", "model/Sigmoid:0", "model/dense/BiasAdd:0")],
    ids=["as in the JSON", "as published", "with TensorFlow's ports"],
)
def test_tensors_are_found_whatever_they_are_called(tmp_path: Path, names: tuple[str, str, str]) -> None:
    close(load(essentia.body(tmp_path, names=names)), essentia.predictions_by_hand(WINDOWS))


def test_outputs_of_other_names_are_known_by_their_width_or_place(tmp_path: Path) -> None:
    path = essentia.body(tmp_path, names=("in", "out_a", "out_b"))  # two of a width: the place tells
    close(load(path), essentia.predictions_by_hand(WINDOWS))


@pytest.mark.parametrize("batch", [1, 2, 64, -1])
def test_a_fixed_batch_is_filled_up(tmp_path: Path, batch: int) -> None:
    model = load(essentia.body(tmp_path, "bs", batch=batch))
    for count in (1, 2, 3):
        answers = model.predict(WINDOWS[:count])
        np.testing.assert_allclose(answers, essentia.predictions_by_hand(WINDOWS[:count]), rtol=0, atol=1e-5)


def test_windows_of_another_length(tmp_path: Path) -> None:
    model = load(essentia.body(tmp_path, patch=128))
    assert model.info.frontend == FrontEnd(window="hann_symmetric", patch=128)
    close(model, essentia.predictions_by_hand(WINDOWS[:, :128]), WINDOWS[:, :128])


def test_a_head_finds_its_embedding_model_beside_it(tmp_path: Path) -> None:
    body, head = essentia.body(tmp_path, names=essentia.AS_PUBLISHED), essentia.head(tmp_path)
    model = load(head)
    assert model.info.labels == ("happy",)
    assert (model.info.name, model.info.version) == ("mood_happy-msd-musicnn-1", "2")
    assert model.info.sha256 == sha256(head, body)  # by name
    close(model, essentia.head_by_hand(WINDOWS, 2, 3)[:, :1])


@pytest.mark.parametrize("there", ["discogs-effnet-bsdynamic-1", "discogs-effnet-bs1-1"])
def test_an_embedding_model_may_be_the_one_for_other_batches(tmp_path: Path, there: str) -> None:
    essentia.body(tmp_path, there, patch=128, classes=("a", "b"))
    essentia.body(tmp_path, "discogs-effnet-bs-other-1", patch=128)
    model = load(essentia.head(tmp_path, of="discogs-effnet-bs64-1"))
    close(model, essentia.head_by_hand(WINDOWS[:, :128], 2, 3)[:, :1], WINDOWS[:, :128])


def test_an_embedding_model_need_not_predict_anything(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    only = {"outputs": [{"name": "PartitionedCall:1", "shape": [64, essentia.WIDTH], "output_purpose": "embeddings"}]}
    essentia.describe(path, {"classes": [], "schema": only})
    close(load(essentia.head(tmp_path)), essentia.head_by_hand(WINDOWS, 2, 3)[:, :1])


def test_several_heads_are_one_model(tmp_path: Path) -> None:
    folder = tmp_path / "moods"
    folder.mkdir()
    files = [
        essentia.head(folder, "approachability_3c", ("low", "mid", "high"), seed=6, batch=4),
        essentia.head(folder, "emomusic", ("valence", "arousal"), op="", seed=9, offset=5.0),
        essentia.head(folder, "mood_happy", ("happy", "non_happy"), seed=3),
        essentia.head(folder, "mood_sad", ("non_sad", "sad"), seed=4),
        essentia.head(folder, "moodtheme", ("calm", "epic"), op="Sigmoid", seed=5),
        essentia.body(folder),
    ]
    model = load(folder)
    assert model.info.labels == ("low", "mid", "high", "valence", "arousal", "happy", "sad", "calm", "epic")
    assert (model.info.name, model.info.version) == ("moods", "2")
    assert model.info.sha256 == sha256(*sorted(files))
    by_hand = essentia.head_by_hand
    expected = [
        by_hand(WINDOWS, 3, 6),
        np.clip((by_hand(WINDOWS, 2, 9, "") + 5 - 1) / 8, 0, 1),
        by_hand(WINDOWS, 2, 3)[:, :1],
        by_hand(WINDOWS, 2, 4)[:, 1:],
        by_hand(WINDOWS, 2, 5, "Sigmoid"),
    ]
    close(model, np.concatenate(expected, axis=1))


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (("danceable", "not_danceable"), ("danceable",)),
        (("non_relaxed", "relaxed"), ("relaxed",)),
        (("Not engaging", "engaging"), ("engaging",)),
        (("atonal", "tonal"), ("atonal", "tonal")),
        (("instrumental", "voice"), ("instrumental", "voice")),
        (("non_happy", "sad"), ("non_happy", "sad")),
        (("happy", "non_happy", "sad"), ("happy", "non_happy", "sad")),
    ],
)
def test_of_a_class_and_its_denial_only_the_class_is_a_label(
    tmp_path: Path, classes: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    essentia.body(tmp_path)
    assert load(essentia.head(tmp_path, "task", classes)).info.labels == labels


def test_ratings_from_1_to_9_are_places_on_a_scale(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    raw = essentia.head_by_hand(WINDOWS, 2, 9, "")
    model = load(essentia.head(tmp_path, "deam", ("valence", "arousal"), op="", seed=9, offset=5.0))
    assert model.info.labels == ("valence", "arousal")
    close(model, np.clip((raw + 4) / 8, 0, 1))
    far = load(essentia.head(tmp_path, "far", ("valence", "arousal"), op="", seed=9, offset=30.0))
    np.testing.assert_array_equal(far.predict(WINDOWS), 1)  # beyond the scale is its end


def test_valence_and_arousal_of_a_sigmoid_are_left_as_they_are(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    model = load(essentia.head(tmp_path, "own", ("arousal", "valence"), op="Sigmoid", seed=9))
    close(model, essentia.head_by_hand(WINDOWS, 2, 9, "Sigmoid"))


def test_a_json_may_say_less(tmp_path: Path) -> None:
    path = essentia.body(tmp_path, card={"inference": None, "dataset": None, "version": None, "name": None})
    assert load(path).info.version == "unknown"
