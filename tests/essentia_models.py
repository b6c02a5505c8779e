"""Models of the layout of Essentia's: an ONNX file and its JSON, made without torch, computable by hand.

    path = essentia.body(folder)                                    # msd-musicnn-1.onnx and .json
    essentia.head(folder, "mood_happy", ["happy", "non_happy"])     # mood_happy-msd-musicnn-1.onnx and .json
    essentia.embeddings_by_hand(windows); essentia.predictions_by_hand(windows, 5)

The JSON's shapes and names are those of a TensorFlow graph, as in Essentia's; the ONNX file's own may differ.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 20
"""Numbers in an embedding."""

TAGS = ("rock", "mellow", "sad", "party", "happy")
TENSORFLOW = ("model/Placeholder", "model/Sigmoid", "model/dense/BiasAdd")
AS_PUBLISHED = ("melspectrogram", "activations", "embeddings")
"""How the Music Technology Group names the tensors of its own ONNX files: not as in their JSON."""


def weights(rows: int, columns: int, seed: int) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(seed).normal(0, 1 / np.sqrt(rows), (rows, columns)).astype(np.float32)
    return drawn


def embeddings_by_hand(windows: np.ndarray) -> np.ndarray:
    """What :func:`body` makes of windows (n, patch, 96): a matrix times their mean over a rising weight in time."""
    rise = np.linspace(0.5, 1.5, windows.shape[1], dtype=np.float32)[:, None]
    by_hand: np.ndarray = (windows * rise).mean(axis=1) @ weights(96, WIDTH, 1) + 0.25
    return by_hand


def predictions_by_hand(windows: np.ndarray, classes: int = len(TAGS)) -> np.ndarray:
    return sigmoid(np.maximum(embeddings_by_hand(windows), 0) @ weights(WIDTH, classes, 2))


def head_by_hand(windows: np.ndarray, classes: int, seed: int, op: str = "Softmax") -> np.ndarray:
    scores = embeddings_by_hand(windows) @ weights(WIDTH, classes, seed)
    return {"Softmax": softmax, "Sigmoid": sigmoid, "": lambda x: x}[op](scores)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    high = np.exp(x - x.max(axis=1, keepdims=True))
    return high / high.sum(axis=1, keepdims=True)


def body(
    folder: Path,
    name: str = "msd-musicnn-1",
    *,
    classes: Sequence[str] = TAGS,
    patch: int = 187,
    bands: int = 96,
    batch: int | str = "batch",
    names: tuple[str, str, str] = TENSORFLOW,
    gain: float = 1.0,
    shape: Sequence[int | str] | None = None,
    card: dict[str, Any] | None = None,
) -> Path:
    """A network of mel frames, which predicts tags and gives embeddings. ``card`` changes its JSON."""
    source, predictions, embeddings = names
    rise = np.linspace(0.5, 1.5, patch, dtype=np.float32)[None, :, None]
    nodes = [
        helper.make_node("Mul", [source, "rise"], ["risen"]),
        helper.make_node("ReduceMean", ["risen"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "first"], ["product"]),
        helper.make_node("Add", ["product", "bias"], [embeddings]),
        helper.make_node("Relu", [embeddings], ["relu"]),
        helper.make_node("MatMul", ["relu", "second"], ["model/dense_1/BiasAdd"]),
        helper.make_node("Sigmoid", ["model/dense_1/BiasAdd"], ["sigmoids"]),
        helper.make_node("Mul", ["sigmoids", "gain"], [predictions]),
    ]
    if gain == 1.0:
        nodes[-1:] = [helper.make_node("Identity", ["sigmoids"], [predictions])]
    taken = list(shape) if shape is not None else [batch, patch, bands]
    outputs = {predictions: len(classes), embeddings: WIDTH, "model/dense_1/BiasAdd": len(classes)}
    tensors = {
        "rise": rise,
        "first": weights(bands, WIDTH, 1),
        "bias": np.float32([0.25]),
        "second": weights(WIDTH, len(classes), 2),
        "gain": np.float32([gain]),
    }
    path = _save(folder, name, nodes, (source, taken), {key: [batch, width] for key, width in outputs.items()}, tensors)
    described = {
        "name": "MSD MusiCNN",
        "type": "auto-tagging",
        "link": f"https://essentia.upf.edu/models/feature-extractors/musicnn/{name}.pb",
        "version": "1",
        "framework": "tensorflow",
        "classes": list(classes),
        "model_types": ["frozen_model"],
        "dataset": {"name": "none", "size": "nothing"},
        "schema": {
            "inputs": [{"name": TENSORFLOW[0], "type": "float", "shape": [patch, bands]}],
            "outputs": [
                _output(TENSORFLOW[1], len(classes), "Sigmoid", "predictions"),
                _output("model/dense_1/BiasAdd", len(classes), "fully connected", ""),
                _output(TENSORFLOW[2], WIDTH, "fully connected", "embeddings"),
            ],
        },
        "inference": {"sample_rate": 16000, "algorithm": "TensorflowPredictMusiCNN"},
    }
    return describe(path, {**described, **(card or {})})


def head(
    folder: Path,
    task: str = "mood_happy",
    classes: Sequence[str] = ("happy", "non_happy"),
    *,
    of: str = "msd-musicnn-1",
    op: str = "Softmax",
    seed: int = 3,
    width: int = WIDTH,
    batch: int | str = "batch",
    offset: float = 0.0,
    card: dict[str, Any] | None = None,
) -> Path:
    """A network of embeddings, which predicts classes; with no ``op`` its scores are its answer."""
    source, predictions = "model/Placeholder:0", f"model/{op or 'Identity'}:0"
    nodes = [
        helper.make_node("MatMul", [source, "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["scores"]),
        helper.make_node(op or "Identity", ["scores"], [predictions]),
    ]
    tensors = {"weights": weights(width, len(classes), seed), "offset": np.float32([offset])}
    name = f"{task}-{of}"
    path = _save(folder, name, nodes, (source, [batch, width]), {predictions: [batch, len(classes)]}, tensors)
    described = {
        "name": task.replace("_", " "),
        "type": "multi-class classifier" if op else "regression",
        "version": "2",
        "classes": list(classes),
        "schema": {
            "inputs": [{"name": "model/Placeholder", "type": "float", "shape": [width]}],
            "outputs": [
                _output(f"model/{op or 'Identity'}", len(classes), op, "predictions"),
                _output("model/dense/BiasAdd", 100, "fully connected", ""),
            ],
        },
        "inference": {
            "sample_rate": 16000,
            "algorithm": "TensorflowPredict2D",
            "embedding_model": {
                "algorithm": "TensorflowPredictMusiCNN",
                "model_name": of,
                "link": f"https://essentia.upf.edu/models/feature-extractors/musicnn/{of}.pb",
            },
        },
    }
    return describe(path, {**described, **(card or {})})


def describe(path: Path, card: dict[str, Any]) -> Path:
    """Write a model's JSON; a value of None takes a key out."""
    kept = {key: value for key, value in card.items() if value is not None}
    path.with_suffix(".json").write_text(json.dumps(kept, indent=4))
    return path


def _output(name: str, width: int, op: str, purpose: str) -> dict[str, Any]:
    return {"name": name, "type": "float", "shape": [width], "op": op, "output_purpose": purpose}


def _save(
    folder: Path,
    name: str,
    nodes: list[onnx.NodeProto],
    source: tuple[str, list[int | str]],
    outputs: dict[str, list[int | str]],
    tensors: dict[str, np.ndarray],
) -> Path:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(source[0], TensorProto.FLOAT, source[1])],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in outputs.items()],
        [numpy_helper.from_array(value, key) for key, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def add_input(path: Path, name: str) -> None:
    """Give a model another input, as the training flag of a TensorFlow graph would be."""
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.BOOL, [1]))
    model.graph.node.append(helper.make_node("Identity", [name], ["unused"]))
    path.write_bytes(model.SerializeToString())
