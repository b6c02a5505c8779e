"""Write a model's ONNX file once more in int8: smaller, and faster where its convolutions are wide.

    quantised = quantise(Path("model.onnx"), Path("model-int8.onnx"), batches)

The command is ``python -m train.quantise``, which also measures what is lost; docs/quantisation.md has figures. Static
quantisation by onnxruntime, in QDQ form: weights in int8 with a scale for each channel, activations in uint8 with
ranges that real windows gave. In int8 are convolutions and what follows them without a break: ReLU, max-pooling and
residual sums. Convolutions of few input channels (a network's first) stay in float: they are faster so, and see the
frames as they are. Dense layers, attention, statistics and normalisation stay in float, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from model.contract import INPUT, Model, load, onnx_runtime
from model.files import replaced


@dataclasses.dataclass(frozen=True, slots=True)
class Reordered:
    """A network with its poolings moved.

    Attributes:
        document: the network.
        moved: poolings that now come before their batch normalisation.
        left: poolings that stay behind theirs, as a channel's scale is negative or not known.
    """

    document: onnx.ModelProto
    moved: int
    left: int


def pool_first(document: onnx.ModelProto) -> Reordered:
    """Return the network with each max-pooling before the batch normalisation that feeds it, where that is exact."""
    copy = onnx.ModelProto()
    copy.CopyFrom(document)
    graph = copy.graph
    scales = {tensor.name: tensor for tensor in graph.initializer}
    normalisations = {node.output[0]: node for node in graph.node if node.op_type == "BatchNormalization"}
    users = consumers(graph)
    moved = left = 0
    for index, pool in enumerate(graph.node):
        normalisation = normalisations.get(pool.input[0]) if pool.op_type == "MaxPool" and pool.input else None
        if normalisation is None:
            continue
        alone = users.get(pool.input[0]) == 1 and len(pool.output) == 1 and len(normalisation.output) == 1
        scale = scales.get(normalisation.input[1])
        if not alone or scale is None or not (numpy_helper.to_array(scale) >= 0).all():
            left += 1
            continue
        _swap(graph, normalisation, index)
        moved += 1
    # Shapes noted for the tensors between the two are those of the old order.
    del graph.value_info[:]
    return Reordered(copy, moved, left)


def consumers(graph: onnx.GraphProto) -> dict[str, int]:
    """Return how often each tensor is used, as an input of a node or as an output of the network."""
    counts: dict[str, int] = {}
    for name in _used(graph):
        counts[name] = counts.get(name, 0) + 1
    return counts


def _used(graph: onnx.GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from node.input
    yield from (output.name for output in graph.output)


def _swap(graph: onnx.GraphProto, normalisation: onnx.NodeProto, pool_index: int) -> None:
    """Let two nodes change places; the tensor between them and those around keep their names."""
    pool = graph.node[pool_index]
    source, between, result = normalisation.input[0], pool.input[0], pool.output[0]
    pool.input[0], pool.output[0] = source, between
    normalisation.input[0], normalisation.output[0] = between, result
    # Nodes stand in the order in which they run.
    first, second = onnx.NodeProto(), onnx.NodeProto()
    first.CopyFrom(pool)
    second.CopyFrom(normalisation)
    normalisation.CopyFrom(first)
    pool.CopyFrom(second)


FEWEST_CHANNELS = 32
"""Input channels from which on a convolution is done in int8: onnxruntime's integer kernels are slow below."""

_INTEGER = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger")
_PREPARED = {"key": "onnx.quant.pre_process", "value": "onnxruntime.quant"}
"""Tells onnxruntime that a file needs no preparation of its own; without it, it logs advice."""


class QuantiseError(Exception):
    """A model that cannot be turned into int8; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Quantised:
    """What became of a model.

    Attributes:
        convolutions: in int8.
        floats: convolutions left in float.
        moved: poolings moved before their batch normalisation (model.pool_order).
        left: poolings that could not be: they break the chain of integers, and cost time.
        windows: that the ranges come from.
    """

    convolutions: int
    floats: int
    moved: int
    left: int
    windows: int


def quantise(
    float_path: Path, int8_path: Path, batches: Iterable[NDArray[np.float32]], fewest_channels: int = FEWEST_CHANNELS
) -> Quantised:
    """Write the int8 version of a model; the file appears only if it keeps the contract.

    It has the metadata of the float file and a property ``quantisation``, JSON that says how it was made.

    Args:
        float_path: a file that ``train.export`` wrote.
        int8_path: file to write.
        batches: real windows, each batch of shape (n, patch, n_mels); a few hundred windows are plenty. One window is
            worked on at a time.
        fewest_channels: a convolution of fewer input channels stays in float.

    Raises:
        model.contract.ModelError: the float file is no model.
        QuantiseError: it is already in int8, or not one of ours, or nothing in it gains, or the windows do not fit.
        OSError: a file cannot be written.
    """
    model = load(float_path)
    document = onnx.load(float_path)
    properties = {entry.key: entry.value for entry in document.metadata_props}
    if "moodstream.contract" not in properties:
        raise QuantiseError(f"{float_path} is a foreign model: only files of train.export can be turned into int8")
    if any(node.op_type in _INTEGER or node.op_type.startswith("QLinear") for node in document.graph.node):
        raise QuantiseError(f"{float_path} is in int8 already: quantise the float file that it was made from")
    for number, node in enumerate(document.graph.node):
        node.name = f"{node.op_type}_{number}"  # the library chooses nodes by name, and a name may be missing
    reordered = pool_first(document)
    chosen, floats = integer_nodes(reordered.document.graph, fewest_channels)
    convolutions = sum(name.startswith("Conv_") for name in chosen)
    if not convolutions:
        raise QuantiseError(
            f"{float_path} has no convolution of {fewest_channels} or more input channels: nothing would gain from int8"
        )
    reader = _Windows(model, batches)
    with replaced(int8_path) as part:
        _quantise(reordered.document, part, reader, chosen)
        result = Quantised(convolutions, floats, reordered.moved, reordered.left, reader.count)
        _complete(part, {**properties, "quantisation": json.dumps(_description(result, model))})
        load(part)  # the live side's own check
    return result


def integer_nodes(graph: onnx.GraphProto, fewest_channels: int) -> tuple[list[str], int]:
    """Return the names of the nodes to be done in int8, and how many convolutions stay in float.

    These are the convolutions of ``fewest_channels`` or more input channels, and every ReLU, max-pooling and sum of
    two maps whose inputs all come from such nodes.
    """
    shapes = {tensor.name: tensor.dims for tensor in graph.initializer}
    users = consumers(graph)
    names: list[str] = []
    tensors: set[str] = set()
    floats = 0
    for node in graph.node:
        match node.op_type:
            case "Conv":
                weights = shapes.get(node.input[1], [0, 0])
                wanted = weights[1] >= fewest_channels
                floats += not wanted
            case "Relu" | "MaxPool" | "Add":
                wanted = all(name in tensors for name in node.input) and len(node.output) == 1
            case _:
                wanted = False
        if wanted and all(users.get(name) for name in node.output):
            names.append(node.name)
            tensors.update(node.output)
    return names, floats


class _Windows:
    """Hands real windows to onnxruntime's calibration, one at a time: its CalibrationDataReader by method, not base."""

    def __init__(self, model: Model, batches: Iterable[NDArray[np.float32]]) -> None:
        frontend = model.info.frontend
        self.count = 0
        self._shape = (frontend.patch, frontend.n_mels)
        self._windows = self._checked(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next window as the network's input, None after the last."""
        return next(self._windows, None)

    def _checked(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[dict[str, NDArray[np.float32]]]:
        for batch in batches:
            if batch.shape[1:] != self._shape:
                raise QuantiseError(
                    f"the windows are of shape {list(batch.shape[1:])} and the model takes {list(self._shape)}: "
                    "they were made with another front-end"
                )
            if not np.isfinite(batch).all():
                raise QuantiseError("the windows hold numbers that are not finite")
            for window in batch:
                self.count += 1
                yield {INPUT: window[np.newaxis].astype(np.float32, copy=False)}
        if not self.count:
            raise QuantiseError("there are no windows to take the ranges from")


def _quantise(document: onnx.ModelProto, path: Path, reader: _Windows, nodes: list[str]) -> None:
    onnx_runtime()  # before its parts are loaded
    from onnxruntime import quantization  # noqa: PLC0415 -- half a second, for this alone

    document.metadata_props.add(**_PREPARED)
    try:
        # It prints what it does, depending on the version.
        with contextlib.redirect_stdout(io.StringIO()):
            quantization.quantize_static(
                document,
                path,
                reader,
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "Relu", "MaxPool", "Add"],
                nodes_to_quantize=nodes,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )
    except (OSError, QuantiseError):
        raise
    except Exception as error:  # the library's errors have no common base of their own
        raise QuantiseError(f"the model cannot be turned into int8: {' '.join(str(error).split())[:200]}") from error


def _description(result: Quantised, model: Model) -> dict[str, Any]:
    return {
        "kind": "int8, static, QDQ: weights int8 a channel, activations uint8 a tensor, ranges least to greatest",
        "convolutions in int8": result.convolutions,
        "convolutions in float": result.floats,
        "windows for the ranges": result.windows,
        "made from sha256": model.info.sha256,
    }


def _complete(path: Path, properties: dict[str, str]) -> None:
    document = onnx.load(path)
    onnx.helper.set_model_props(document, properties)  # and drops what the library noted for itself
    onnx.checker.check_model(document)
    onnx.save(document, path)
