"""Small ONNX models made without torch, for tests that need a model but not a mood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model.frontend import FrontEnd

LABELS = ("happy", "angry", "sad", "calm")


def tiny_network(
    labels: int = 4, patch: int = 187, n_mels: int = 96, *, weights: np.ndarray | None = None, gain: float = 1.0
) -> onnx.ModelProto:
    """A network that answers with sigmoids of weighted band means: smooth in every input, different for every label."""
    if weights is None:
        weights = np.random.default_rng(7).normal(0, 0.1, (n_mels, labels)).astype(np.float32)
        weights -= weights.mean(axis=0)  # some labels come out above one half, some below
    nodes = [
        helper.make_node("ReduceMean", ["melspectrogram"], ["bands"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["bands", "weights"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["sigmoids"]),
        helper.make_node("Mul", ["sigmoids", "gain"], ["moods"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("melspectrogram", TensorProto.FLOAT, ["batch", patch, n_mels])],
        [helper.make_tensor_value_info("moods", TensorProto.FLOAT, ["batch", weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.float32([gain]), "gain")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def metadata(labels: tuple[str, ...] = LABELS, **changes: Any) -> dict[str, str]:
    """The metadata of a good file, with changes; a value of None takes a key out."""
    entries: dict[str, Any] = {
        "moodstream.contract": "1",
        "labels": json.dumps(labels),
        "frontend": json.dumps(FrontEnd().to_metadata()),
        "name": "tiny",
        "version": "1",
        "training": "{}",
        "license": "MIT",
    }
    entries.update({key.replace("__", "."): value for key, value in changes.items()})
    return {key: value for key, value in entries.items() if value is not None}


def save(path: Path, network: onnx.ModelProto | None = None, entries: dict[str, str] | None = None) -> Path:
    """Write a model file and return its path."""
    network = tiny_network() if network is None else network
    helper.set_model_props(network, metadata() if entries is None else entries)
    path.write_bytes(network.SerializeToString())
    return path
