"""Small convolutional ONNX models made without torch: the papers' blocks with any scales, and a residual sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PATCH, BANDS = 187, 96


class Builder:
    """Collects nodes and weights; every method adds a layer and returns the name of what it gives."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(seed)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, values: Any, dtype: type = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def convolution(self, source: str, inputs: int, outputs: int) -> str:
        kernel = self.weight(self.rng.normal(0, np.sqrt(2 / (9 * inputs)), (outputs, inputs, 3, 3)))
        bias = self.weight(self.rng.normal(0, 0.1, outputs))
        return self.node("Conv", source, kernel, bias, pads=[1, 1, 1, 1])

    def normalisation(self, source: str, scale: Sequence[float]) -> str:
        size = len(scale)
        others = [self.rng.normal(0, 0.3, size), self.rng.normal(0.4, 0.1, size), self.rng.uniform(0.3, 2, size)]
        return self.node("BatchNormalization", source, self.weight(scale), *map(self.weight, others))

    def pool(self, source: str, size: int = 2) -> str:
        return self.node("MaxPool", source, kernel_shape=[size, size], strides=[size, size])

    def model(self, maps: str, channels: int, labels: int, patch: int = PATCH) -> onnx.ModelProto:
        """Mean over the maps, a dense layer and sigmoids on what was built."""
        means = self.node("GlobalAveragePool", maps)
        flat = self.node("Flatten", means)
        dense = self.weight(self.rng.normal(0, 3 / np.sqrt(channels), (channels, labels)))
        bias = self.weight(self.rng.normal(0, 0.5, labels))
        self.nodes.append(helper.make_node("Sigmoid", [self.node("Gemm", flat, dense, bias)], ["moods"]))
        graph = helper.make_graph(
            self.nodes,
            "blocks",
            [helper.make_tensor_value_info("melspectrogram", TensorProto.FLOAT, ["batch", patch, BANDS])],
            [helper.make_tensor_value_info("moods", TensorProto.FLOAT, ["batch", labels])],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def block_network(scales: Sequence[Sequence[float]], labels: int = 4, seed: int = 0) -> onnx.ModelProto:
    """Blocks of convolution, ReLU, batch normalisation and pooling; as many channels as there are scales in each."""
    builder = Builder(seed)
    maps, inputs = builder.node("Unsqueeze", "melspectrogram", builder.weight([1], np.int64)), 1
    for scale in scales:
        maps = builder.node("Relu", builder.convolution(maps, inputs, len(scale)))
        maps, inputs = builder.pool(builder.normalisation(maps, scale)), len(scale)
    return builder.model(maps, inputs, labels)


def residual_network(channels: int = 32, labels: int = 4) -> onnx.ModelProto:
    """A first convolution, a residual block as in ResNet, a sum that is no residual (a constant), and a pooling."""
    builder = Builder()
    maps = builder.node("Unsqueeze", "melspectrogram", builder.weight([1], np.int64))
    maps = builder.pool(builder.node("Relu", builder.convolution(maps, 1, channels)), 4)
    maps = builder.node("Relu", builder.convolution(maps, channels, channels))
    inner = builder.node("Relu", builder.convolution(maps, channels, channels))
    maps = builder.node("Relu", builder.node("Add", builder.convolution(inner, channels, channels), maps))
    shift = builder.weight(builder.rng.normal(0, 0.1, (1, channels, 1, 1)))
    return builder.model(builder.pool(builder.node("Add", maps, shift)), channels, labels)
