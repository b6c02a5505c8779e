"""Pooling comes before batch normalisation exactly where that changes nothing."""

from pathlib import Path

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import onnx_runtime
from model.quantise import pool_first
from tests.blocks import BANDS, PATCH, Builder, block_network
from tests.models import tiny_network

CHANNELS = 3
SCALES = st.lists(st.lists(st.floats(-1, 2, width=32), min_size=CHANNELS, max_size=CHANNELS), min_size=1, max_size=2)
# Of both signs: no channel is cut off by its ReLU everywhere.
WINDOWS = np.random.default_rng(1).standard_normal((2, PATCH, BANDS)).astype(np.float32)


def kinds(document: onnx.ModelProto) -> list[str]:
    wanted = ("Conv", "Relu", "BatchNormalization", "MaxPool")
    return [node.op_type for node in document.graph.node if node.op_type in wanted]


def answers(document: onnx.ModelProto) -> np.ndarray:
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL  # or it would change the sums
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(document.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"melspectrogram": WINDOWS})[0]


@settings(max_examples=15)
@given(SCALES, st.integers(0, 1000))
def test_the_answers_are_the_same_to_the_last_bit_for_any_scales(scales: list[list[float]], seed: int) -> None:
    document = block_network(scales, seed=seed)
    before = document.SerializeToString()
    reordered = pool_first(document)
    np.testing.assert_array_equal(answers(reordered.document), answers(document))
    assert document.SerializeToString() == before  # what was given is left as it was
    onnx.checker.check_model(reordered.document, full_check=True)
    exact = [all(scale >= 0 for scale in block) for block in scales]
    assert (reordered.moved, reordered.left) == (sum(exact), len(exact) - sum(exact))
    moved, left = ["Conv", "Relu", "MaxPool", "BatchNormalization"], ["Conv", "Relu", "BatchNormalization", "MaxPool"]
    assert kinds(reordered.document) == [kind for move in exact for kind in (moved if move else left)]


def test_with_a_negative_scale_the_move_would_be_wrong() -> None:
    document = block_network([[1.0, -1.0, 1.0]])
    forced = block_network([[1.0, -1.0, 1.0]])
    scale = next(node.input[1] for node in forced.graph.node if node.op_type == "BatchNormalization")
    (tensor,) = [tensor for tensor in forced.graph.initializer if tensor.name == scale]
    negative = tensor.raw_data
    tensor.raw_data = np.abs(np.frombuffer(negative, np.float32)).tobytes()
    moved = pool_first(forced).document
    (tensor,) = [tensor for tensor in moved.graph.initializer if tensor.name == scale]
    tensor.raw_data = negative
    assert np.abs(answers(moved) - answers(document)).max() > 1e-3


def test_a_normalisation_that_others_use_stays_where_it_is() -> None:
    builder = Builder()
    maps = builder.node("Unsqueeze", "melspectrogram", builder.weight([1], np.int64))
    normal = builder.normalisation(builder.convolution(maps, 1, CHANNELS), [1.0] * CHANNELS)
    mean = builder.node("GlobalAveragePool", normal)
    document = builder.model(builder.node("Add", builder.pool(normal), mean), CHANNELS, 4)
    reordered = pool_first(document)
    assert (reordered.moved, reordered.left) == (0, 1)
    np.testing.assert_array_equal(answers(reordered.document), answers(document))


def test_a_scale_that_is_computed_is_not_trusted() -> None:
    builder = Builder()
    maps = builder.node("Unsqueeze", "melspectrogram", builder.weight([1], np.int64))
    maps = builder.convolution(maps, 1, CHANNELS)
    scale = builder.node("Abs", builder.weight([1.0] * CHANNELS))
    others = [builder.weight([value] * CHANNELS) for value in (0.1, 0.2, 1.0)]
    maps = builder.pool(builder.node("BatchNormalization", maps, scale, *others))
    assert pool_first(builder.model(maps, CHANNELS, 4)).left == 1


def test_a_network_without_poolings_is_left_as_it_is(tmp_path: Path) -> None:
    reordered = pool_first(tiny_network())
    assert (reordered.moved, reordered.left) == (0, 0)
    assert reordered.document == tiny_network()
