"""Max-pooling before batch normalisation, where that is the same: what int8 needs to run without a break.

    reordered = pool_first(document)       # an onnx.ModelProto that answers the same
    reordered.document, reordered.moved, reordered.left

In the networks of Kumar and Dahiya and of Singh and Biswas a block is convolution, ReLU, batch normalisation,
max-pooling. Batch normalisation has no integer kernel, so between a convolution and its pooling it forces the whole map
back to float. At inference it is ``a x + b`` for each channel, which keeps the order of numbers where ``a`` is not
negative; there ``max(a x + b) = a max(x) + b``, bit for bit, as rounding keeps the order, too. A block with a negative
``a`` in any channel is left alone.

Folding the normalisation into the convolution that follows would not be exact: that one pads with zeros, and a zero
beyond the border of ``a x + b`` is no constant of ``x``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import onnx
from onnx import numpy_helper


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
