"""An int8 file keeps the contract, stays near its float file, and what cannot be quantised is refused in one line."""

import json
import resource
from pathlib import Path

import numpy as np
import onnx
import pytest

from model.contract import ModelError, load
from model.export import compare
from model.frontend import FrontEnd
from model.mel import compress
from model.quantise import Quantised, QuantiseError, quantise
from tests import models
from tests.blocks import block_network, residual_network


def music_like(count: int, seed: int) -> np.ndarray:
    """Windows whose bands fall with frequency and move slowly."""
    rng = np.random.default_rng(seed)
    slow = rng.standard_normal((count, 12, 96)).repeat(16, axis=1)[:, :187]
    levels = np.linspace(3.0, 0.5, 96) + 0.6 * slow + 0.2 * rng.standard_normal((count, 187, 96))
    return compress((10.0 ** np.maximum(levels, 0.0) - 1.0) / 10_000.0, FrontEnd())


CALIBRATION = [music_like(4, 1), music_like(12, 2)]
HELD_OUT = [music_like(16, 3)]
POSITIVE = [[0.5, 1.0, 1.5, 2.0] * 8] * 3


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Quantised]:
    """A float file of three blocks of 32 channels, its int8 file, and what was done; nobody may change them."""
    folder = tmp_path_factory.mktemp("quantised")
    entries = models.metadata(training=json.dumps({"seeds": [3]}), version="7", maker="somebody")
    path = models.save(folder / "model.onnx", block_network(POSITIVE), entries)
    return path, folder / "int8.onnx", quantise(path, folder / "int8.onnx", iter(CALIBRATION))


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_it_keeps_the_contract_and_says_what_it_is(blocks: tuple[Path, Path, Quantised]) -> None:
    path, int8, _ = blocks
    before, after = load(path).info, load(int8).info
    for name in ("name", "version", "labels", "frontend", "training", "license"):
        assert getattr(after, name) == getattr(before, name)
    said = {entry.key: entry.value for entry in onnx.load(int8).metadata_props}
    quantisation = json.loads(said.pop("quantisation"))
    assert said == {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert quantisation["made from sha256"] == before.sha256
    assert quantisation["windows for the ranges"] == 16
    assert sorted(int8.parent.iterdir()) == sorted([path, int8])


def test_wide_convolutions_are_integers_and_their_chain_is_unbroken(blocks: tuple[Path, Path, Quantised]) -> None:
    _, int8, result = blocks
    assert result == Quantised(convolutions=2, floats=1, moved=3, left=0, windows=16)
    kinds = operators(int8)
    # Each of the two wide blocks: back to float only for its batch normalisation; its ReLU lies in the integers' range.
    assert kinds.count("Relu") == 1
    assert "".join(kinds).count("QuantizeLinearMaxPool") == 0
    assert onnx.load(int8).graph.initializer
    assert {tensor.data_type for tensor in onnx.load(int8).graph.initializer} >= {onnx.TensorProto.INT8}


def test_it_is_smaller_and_its_probabilities_are_near(blocks: tuple[Path, Path, Quantised]) -> None:
    path, int8, _ = blocks
    assert int8.stat().st_size < 0.6 * path.stat().st_size
    agreement = compare(load(path).predict, load(int8).predict, HELD_OUT)
    assert 0 < agreement.mean < 0.01
    assert agreement.greatest < 0.03


def test_a_block_with_a_negative_scale_still_works(tmp_path: Path) -> None:
    scales = [POSITIVE[0], [-1.0, *POSITIVE[1][1:]], POSITIVE[2]]
    path = models.save(tmp_path / "model.onnx", block_network(scales))
    result = quantise(path, tmp_path / "int8.onnx", CALIBRATION)
    assert (result.moved, result.left, result.convolutions) == (2, 1, 2)
    assert compare(load(path).predict, load(tmp_path / "int8.onnx").predict, HELD_OUT).greatest < 0.03


def test_residual_sums_are_integers_and_other_sums_are_not(tmp_path: Path) -> None:
    path = models.save(tmp_path / "model.onnx", residual_network())
    result = quantise(path, tmp_path / "int8.onnx", CALIBRATION)
    assert result == Quantised(convolutions=3, floats=1, moved=0, left=0, windows=16)
    document = onnx.load(tmp_path / "int8.onnx")
    makers = {name: node.op_type for node in document.graph.node for name in node.output}
    sums = [[makers.get(name) for name in node.input] for node in document.graph.node if node.op_type == "Add"]
    assert sorted(sums, key=str) == [["DequantizeLinear", "DequantizeLinear"], ["DequantizeLinear", None]]
    assert compare(load(path).predict, load(tmp_path / "int8.onnx").predict, HELD_OUT).greatest < 0.03


def test_an_int8_file_is_not_quantised_again(blocks: tuple[Path, Path, Quantised], tmp_path: Path) -> None:
    with pytest.raises(QuantiseError, match="in int8 already: quantise the float file"):
        quantise(blocks[1], tmp_path / "twice.onnx", CALIBRATION)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_gain_is_said(tmp_path: Path) -> None:
    path = models.save(tmp_path / "model.onnx")
    with pytest.raises(QuantiseError, match="no convolution of 32 or more input channels"):
        quantise(path, tmp_path / "int8.onnx", CALIBRATION)
    wide = models.save(tmp_path / "wide.onnx", block_network(POSITIVE))
    with pytest.raises(QuantiseError, match="no convolution of 33 or more"):
        quantise(wide, tmp_path / "int8.onnx", CALIBRATION, fewest_channels=33)


def test_what_is_no_model_is_refused_as_everywhere(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    for name, reason in (("none.onnx", "no model file"), ("text.onnx", "not an ONNX file")):
        with pytest.raises(ModelError, match=reason):
            quantise(tmp_path / name, tmp_path / "int8.onnx", CALIBRATION)
    stranger = models.save(tmp_path / "stranger.onnx", entries=models.metadata(moodstream__contract=None))
    with pytest.raises((ModelError, QuantiseError), match=r"contract|foreign"):
        quantise(stranger, tmp_path / "int8.onnx", CALIBRATION)


@pytest.mark.parametrize(
    ("batches", "reason"),
    [
        ([], "no windows"),
        ([np.zeros((0, 187, 96), np.float32)], "no windows"),
        ([np.zeros((2, 187, 64), np.float32)], r"\[187, 64\] and the model takes \[187, 96\].*another front-end"),
        ([np.full((1, 187, 96), np.nan, np.float32)], "not finite"),
    ],
    ids=["none", "empty", "another front-end", "nan"],
)
def test_windows_that_do_not_fit_are_refused(
    blocks: tuple[Path, Path, Quantised], tmp_path: Path, batches: list[np.ndarray], reason: str
) -> None:
    with pytest.raises(QuantiseError, match=reason):
        quantise(blocks[0], tmp_path / "int8.onnx", batches)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_leaves_nothing(blocks: tuple[Path, Path, Quantised], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        quantise(blocks[0], tmp_path / "none" / "int8.onnx", CALIBRATION)


@pytest.mark.parametrize("room", [1_000, 30_000], ids=["none", "some"])
def test_no_room_for_the_file_leaves_no_half_of_it(
    blocks: tuple[Path, Path, Quantised], tmp_path: Path, room: int
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # as a full disk: a write past it fails
    try:
        with pytest.raises(OSError, match="File too large"):
            quantise(blocks[0], tmp_path / "int8.onnx", CALIBRATION)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
