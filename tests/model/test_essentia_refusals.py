"""Essentia's models that cannot be used are refused in one line that says why, and names the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.contract import ModelError, load
from tests import essentia_models as essentia
from tests import models


def refused(path: Path, names: Path | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(names or path) in message
    return message


def test_no_json(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    path.with_suffix(".json").unlink()
    assert "msd-musicnn-1.json beside it" in refused(path)


def test_no_json_of_a_head_in_a_folder(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    path = essentia.head(tmp_path)
    path.with_suffix(".json").unlink()
    assert "mood_happy-msd-musicnn-1.json beside it" in refused(tmp_path, path)


def test_no_json_of_an_embedding_model(tmp_path: Path) -> None:
    body = essentia.body(tmp_path)
    body.with_suffix(".json").unlink()
    assert "msd-musicnn-1.json beside it" in refused(essentia.head(tmp_path), body)


@pytest.mark.parametrize("data", [b"", b"no json", b"\xff\xfe\xfa", b"[" * 100_000, b"{"])
def test_no_json_in_it(tmp_path: Path, data: bytes) -> None:
    path = essentia.body(tmp_path)
    path.with_suffix(".json").write_bytes(data)
    assert "is not JSON" in refused(path, path.with_suffix(".json"))


def test_a_json_that_is_a_folder(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    path.with_suffix(".json").unlink()
    path.with_suffix(".json").mkdir()
    assert "cannot be read" in refused(path, path.with_suffix(".json"))


def test_a_json_that_is_no_object(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    path.with_suffix(".json").write_text("[1]")
    assert "an object is needed" in refused(path, path.with_suffix(".json"))


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"classes": None}, "lists no 'classes'"),
        ({"classes": []}, "lists no 'classes'"),
        ({"classes": "rock"}, "'classes' must be a list of names"),
        ({"classes": ["a", "b", "c", "d", 5]}, "'classes' must be a list of names"),
        ({"classes": ["a", "b", "c", "d", "a"]}, "distinct"),
        ({"schema": None}, "none at all"),
        ({"schema": 7}, "'schema' must be an object"),
        ({"schema": {"outputs": 7}}, "must be a list"),
        ({"schema": {"outputs": []}}, "output_purpose"),
        ({"schema": {"outputs": [{"name": "model/Sigmoid", "output_purpose": "fun"}]}}, "it has 'fun'"),
        ({"schema": {"outputs": [{"name": "model/Sigmoid"}]}}, "it has None"),
        (
            {"schema": {"outputs": [{"name": "model/dense/BiasAdd", "output_purpose": "embeddings"}]}},
            "no output whose output_purpose is predictions",
        ),
        ({"inference": {"sample_rate": 44100}}, "44100 Hz; only models for 16000 Hz"),
        ({"inference": {"sample_rate": "16000"}}, "only models for 16000 Hz"),
        ({"inference": []}, "'inference' must be an object"),
        ({"inference": {"algorithm": "TensorflowPredictMAEST"}}, "'TensorflowPredictMAEST', which is not computed"),
        ({"inference": {"algorithm": ["?"]}}, "not computed here"),
    ],
)
def test_a_json_that_does_not_say_what_is_needed(tmp_path: Path, card: dict[str, Any], said: str) -> None:
    path = essentia.body(tmp_path, card=card)
    assert said in refused(path, path.with_suffix(".json"))


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c", "d", "e", "f"]])
@pytest.mark.parametrize("names", [essentia.TENSORFLOW, essentia.AS_PUBLISHED, ("in", "x", "y")])
def test_another_number_of_classes_than_of_outputs(
    tmp_path: Path, classes: list[str], names: tuple[str, str, str]
) -> None:
    path = essentia.body(tmp_path, names=names, card={"classes": classes})
    assert f"lists {len(classes)} classes" in refused(path)


def test_outputs_that_cannot_be_told_apart(tmp_path: Path) -> None:
    outputs = [{"name": "model/Sigmoid", "output_purpose": "predictions"}, {"name": "model/dense/BiasAdd"}]
    path = essentia.body(tmp_path, names=("in", "x", "y"), card={"schema": {"outputs": outputs}})
    message = refused(path)
    assert "none of them is clearly the predictions 'model/Sigmoid'" in message
    assert "x ['batch', 5]" in message


@pytest.mark.parametrize(
    ("shape", "bands"),
    [
        (["batch", 96, 64], 64),  # VGGish
        (["batch", 187, 48], 48),
        (["batch", "frames", 96], 96),
        (["batch", 1, 187, 96], 96),
        (["batch", 20_000, 96], 96),
    ],
)
def test_windows_of_an_odd_shape(tmp_path: Path, shape: list[int | str], bands: int) -> None:
    patch = shape[1] if isinstance(shape[1], int) and len(shape) == 3 else 187
    assert str(shape) in refused(essentia.body(tmp_path, bands=bands, shape=shape, patch=patch))


def test_answers_that_are_no_probabilities(tmp_path: Path) -> None:
    assert "probabilities are 0 to 1" in refused(essentia.body(tmp_path, gain=2.5))


def test_scores_without_a_softmax(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    assert "probabilities are 0 to 1" in refused(essentia.head(tmp_path, op=""))


@pytest.mark.parametrize("scale", [0.0, -3.0])
def test_ratings_on_another_scale(tmp_path: Path, scale: float) -> None:
    essentia.body(tmp_path)
    path = essentia.head(tmp_path, "deam", ("valence", "arousal"), op="", offset=scale - 20)
    assert "expected from 1 to 9" in refused(path)


def test_a_head_without_its_embedding_model(tmp_path: Path) -> None:
    path = essentia.head(tmp_path)
    assert "put msd-musicnn-1.onnx and its JSON beside it" in refused(path)


def test_heads_alone_in_a_folder(tmp_path: Path) -> None:
    essentia.head(tmp_path)
    essentia.head(tmp_path, "mood_sad", ("non_sad", "sad"))
    assert "put msd-musicnn-1.onnx and its JSON beside them" in refused(tmp_path)


def test_a_head_that_does_not_say_whose_embeddings_it_takes(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    for inference in ({}, {"embedding_model": {}}, {"embedding_model": {"model_name": 3, "link": ""}}):
        path = essentia.head(tmp_path, card={"inference": inference})
        assert "does not say whose" in refused(path)
        assert load(tmp_path).info.labels == ("happy",)  # in a folder with one it is that one's


def test_a_head_of_another_embedding_model(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    path = essentia.head(tmp_path, of="discogs-effnet-bs64-1")
    assert "discogs-effnet-bs64-1, not of msd-musicnn-1.onnx" in refused(tmp_path, path)


def test_embeddings_of_another_width(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    path = essentia.head(tmp_path, width=31)
    assert "takes embeddings of 31 numbers; msd-musicnn-1.onnx gives 20" in refused(path)


def test_an_embedding_model_without_embeddings(tmp_path: Path) -> None:
    outputs = [{"name": "model/Sigmoid", "output_purpose": "predictions"}]
    body = essentia.body(tmp_path, card={"schema": {"outputs": outputs}})
    said = refused(essentia.head(tmp_path), body.with_suffix(".json"))
    assert "no output whose output_purpose is embeddings" in said


def test_a_head_that_names_a_head(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    first = essentia.head(tmp_path)
    second = essentia.head(tmp_path, "mood_sad", of=first.stem)
    assert "is a head itself" in refused(second, first)


def test_two_heads_with_one_label(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    first = essentia.head(tmp_path)
    essentia.head(tmp_path, "moodtheme", ("happy", "epic"), op="Sigmoid")
    assert "both give 'happy'" in refused(tmp_path, first)


def test_two_models_of_mel_frames_in_a_folder(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    essentia.body(tmp_path, "msd-vgg-1")
    assert "msd-musicnn-1.onnx, msd-vgg-1.onnx" in refused(tmp_path)


def test_a_model_of_ours_among_others(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    ours = models.save(tmp_path / "ours.onnx")
    assert "name it alone" in refused(tmp_path, ours)


@pytest.mark.parametrize("spoil", [lambda data: data[:300], lambda _: b"", lambda _: b"not a model"])
def test_an_embedding_model_that_is_broken(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    body, path = essentia.body(tmp_path), essentia.head(tmp_path)
    body.write_bytes(spoil(body.read_bytes()))
    refused(path, body)


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    essentia.body(tmp_path)
    assert "not finite" in refused(essentia.head(tmp_path, offset=float("nan")))


def test_two_inputs(tmp_path: Path) -> None:
    path = essentia.body(tmp_path)
    essentia.add_input(path, "model/Placeholder_2")
    assert "model/Placeholder, model/Placeholder_2" in refused(path)
