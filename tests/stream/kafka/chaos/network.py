"""A model for chaos runs: quick, and every frame of a window matters where it stands.

path = save(folder / "chaos.onnx")          # sound that is missing, moved or of another stream changes its moods
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests import models

_PATCH, _MELS = 187, 96


def save(path: Path) -> Path:
    """Write the model and return its path."""
    shape = (_PATCH * _MELS, len(models.LABELS))
    weights = np.random.default_rng(11).normal(0, 0.01, shape).astype(np.float32)
    weights -= weights.mean(axis=0)  # some moods come out above one half, some below
    nodes = [
        helper.make_node("Flatten", ["melspectrogram"], ["values"], axis=1),
        helper.make_node("MatMul", ["values", "weights"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["moods"]),
    ]
    graph = helper.make_graph(
        nodes,
        "chaos",
        [helper.make_tensor_value_info("melspectrogram", TensorProto.FLOAT, ["batch", _PATCH, _MELS])],
        [helper.make_tensor_value_info("moods", TensorProto.FLOAT, ["batch", shape[1]])],
        [numpy_helper.from_array(weights, "weights")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(network)
    return models.save(path, network)
