"""A model file that does not keep the contract is refused in one line that says why."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model.contract import ModelError, load
from model.frontend import MTG_JAMENDO, FrontEnd
from tests import models


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_good_file_is_loaded_with_what_it_says_of_itself(tmp_path: Path) -> None:
    model = load(models.save(tmp_path / "good.onnx"))
    assert model.info.labels == models.LABELS
    assert (model.info.name, model.info.version, model.info.license) == ("tiny", "1", "MIT")
    assert model.info.frontend == FrontEnd()
    moods = model.predict(np.zeros((3, 187, 96), np.float32))
    assert moods.shape == (3, 4)
    assert moods.dtype == np.float32
    np.testing.assert_allclose(moods, 0.5)


def test_the_essentia_window_is_a_front_end_we_compute(tmp_path: Path) -> None:
    frontend = FrontEnd(window="hann_symmetric")
    entries = models.metadata(frontend=json.dumps(frontend.to_metadata()))
    assert load(models.save(tmp_path / "essentia.onnx", entries=entries)).info.frontend == frontend


def test_a_front_end_of_its_own_is_accepted(tmp_path: Path) -> None:
    network = models.tiny_network(patch=4096, weights=np.full((96, 4), 1e-3, np.float32))
    entries = models.metadata(frontend=json.dumps(MTG_JAMENDO.to_metadata()))
    assert load(models.save(tmp_path / "jamendo.onnx", network, entries)).info.frontend == MTG_JAMENDO


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no model file" in refused(tmp_path / "none.onnx")


def test_a_folder_with_one_model(tmp_path: Path) -> None:
    path = models.save(tmp_path / "good.onnx")
    assert load(tmp_path).info == load(path).info


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert "holds no ONNX file" in refused(tmp_path)


def test_a_folder_called_like_a_model(tmp_path: Path) -> None:
    (tmp_path / "good.onnx").mkdir()
    assert "cannot be read" in refused(tmp_path)


def test_a_path_that_is_none() -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load(Path("a\0b.onnx"))


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.touch()
    assert "empty" in refused(path)


@pytest.mark.parametrize("data", [b"not a model", b"\x00" * 100, b"\x08\x08", bytes(range(256)) * 40])
def test_a_file_that_is_not_onnx(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "text.onnx"
    path.write_bytes(data)
    assert "not an ONNX file" in refused(path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = models.save(tmp_path / "half.onnx")
    path.write_bytes(path.read_bytes()[:300])
    refused(path)


def test_another_contract(tmp_path: Path) -> None:
    assert "moodstream.contract" in refused(models.save(tmp_path / "a.onnx", entries={}))
    entries = models.metadata(moodstream__contract="2")
    assert "'2'" in refused(models.save(tmp_path / "b.onnx", entries=entries))


@pytest.mark.parametrize(
    ("change", "both"),
    [
        ({"n_mels": 128}, ("128", "96")),
        ({"patch": 128}, ("128", "187")),
        ({"fmax": 9000.0}, ("9000.0", "8000.0")),
        ({"hop": 160}, ("512", "320")),
        ({"mel_scale": "htk"}, ("'htk'", "'slaney'")),
        ({"power": 1}, ("power is 1", "2 here")),
        ({"lifter": 3}, ("lifter is 3", "None here")),
    ],
)
def test_another_front_end_is_shown_with_both_values(
    tmp_path: Path, change: dict[str, object], both: tuple[str, str]
) -> None:
    frontend = json.dumps({**FrontEnd().to_metadata(), **change})
    message = refused(models.save(tmp_path / "other.onnx", entries=models.metadata(frontend=frontend)))
    assert all(value in message for value in both)


@pytest.mark.parametrize("frontend", [None, "no json", "[]", '{"window": ["x"]}', "[" * 100_000])
def test_a_front_end_that_is_none(tmp_path: Path, frontend: str | None) -> None:
    refused(models.save(tmp_path / "none.onnx", entries=models.metadata(frontend=frontend)))


@pytest.mark.parametrize(
    "labels", [None, "happy", "[]", "{}", '["a", "a", "b", "c"]', '["a", "", "b", "c"]', "[1,2,3,4]"]
)
def test_labels_that_are_none(tmp_path: Path, labels: str | None) -> None:
    assert "labels" in refused(models.save(tmp_path / "l.onnx", entries=models.metadata(labels=labels)))


def test_more_labels_than_outputs(tmp_path: Path) -> None:
    entries = models.metadata(labels=("a", "b", "c", "d", "e"))
    assert "5 labels" in refused(models.save(tmp_path / "l.onnx", entries=entries))


def test_another_input_shape(tmp_path: Path) -> None:
    assert "187, 96" in refused(models.save(tmp_path / "s.onnx", models.tiny_network(patch=128)))


def test_other_names(tmp_path: Path) -> None:
    network = models.tiny_network()
    network.graph.node[0].input[0] = network.graph.input[0].name = "x"
    assert "'melspectrogram'" in refused(models.save(tmp_path / "i.onnx", network))
    network = models.tiny_network()
    network.graph.node[-1].output[0] = network.graph.output[0].name = "y"
    assert "'moods'" in refused(models.save(tmp_path / "o.onnx", network))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(tmp_path: Path, value: float) -> None:
    weights = np.zeros((96, 4), np.float32)
    weights[5, 2] = value
    assert "weights" in refused(models.save(tmp_path / "nan.onnx", models.tiny_network(weights=weights)))


@pytest.mark.parametrize("data_type", [0, 99])
def test_weights_of_no_known_type(tmp_path: Path, data_type: int) -> None:
    network = models.tiny_network()
    network.graph.initializer[0].data_type = data_type
    assert "weights" in refused(models.save(tmp_path / "type.onnx", network))


def test_weights_that_are_too_short(tmp_path: Path) -> None:
    network = models.tiny_network()
    network.graph.initializer[0].raw_data = network.graph.initializer[0].raw_data[:-3]
    assert "weights" in refused(models.save(tmp_path / "short.onnx", network))


def test_a_network_that_fails_for_some_sound_says_so(tmp_path: Path) -> None:
    network = models.tiny_network()
    network.graph.node[2].op_type = "Sqrt"  # of negative scores: not a number
    weights = np.full((96, 4), 1e-3, np.float32)
    network.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "weights"))
    model = load(models.save(tmp_path / "root.onnx", network))
    with pytest.raises(ModelError, match="not finite"):
        model.predict(np.full((1, 187, 96), -1, np.float32))


def test_answers_that_are_no_probabilities(tmp_path: Path) -> None:
    assert "probabilities" in refused(models.save(tmp_path / "big.onnx", models.tiny_network(gain=2.5)))


def test_weights_in_another_file(tmp_path: Path) -> None:
    network = models.tiny_network()
    external = network.graph.initializer[0]
    external.ClearField("raw_data")
    external.data_location = TensorProto.EXTERNAL
    external.external_data.add(key="location", value="/etc/hostname")
    assert "another file" in refused(models.save(tmp_path / "ext.onnx", network))


def test_an_operator_that_does_not_exist(tmp_path: Path) -> None:
    network = models.tiny_network()
    network.graph.node[2].op_type = "RunShell"
    assert "cannot be run" in refused(models.save(tmp_path / "op.onnx", network))


def test_a_fixed_batch_is_no_stream_of_windows(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["answer"], ["moods"])]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("melspectrogram", TensorProto.FLOAT, ["batch", 187, 96])],
        [helper.make_tensor_value_info("moods", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.full((1, 4), 0.5, np.float32), "answer")],
    )
    network: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert "2 windows" in refused(models.save(tmp_path / "fixed.onnx", network))
