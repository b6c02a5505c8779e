"""The ONNX contract: what a model file must be, checked when it is loaded.

    model = load(Path("model/default.onnx"))
    model.info.labels                      # ("happy", "angry", ...)
    moods = model.predict(windows)         # (n, 187, 96) float32 -> (n, labels) float32 in 0...1

A file is data: it is parsed and run by onnxruntime, nothing in it is executed as code. One that does not keep the
contract is refused with a :class:`ModelError` that says in one line what is wrong.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd, FrontEndError
from model.mel import compress

if TYPE_CHECKING:
    import onnx
    import onnxruntime

CONTRACT = "1"
INPUT = "melspectrogram"
OUTPUT = "moods"

DEFAULT_MODEL = Path(__file__).with_name("default.onnx")


class ModelError(Exception):
    """A model file that cannot be used; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model file says of itself.

    Attributes:
        name: of the model.
        version: of the model.
        sha256: of the file, in hexadecimal.
        labels: names of the moods, in the order of the output's columns.
        frontend: the front-end it was trained with.
        training: data sets, seeds and metrics, as its maker wrote them.
        license: of the weights.
    """

    name: str
    version: str
    sha256: str
    labels: tuple[str, ...]
    frontend: FrontEnd
    training: dict[str, Any]
    license: str


class Model:
    """A verified model, ready to score windows. Safe to call from several threads."""

    def __init__(self, info: ModelInfo, session: onnxruntime.InferenceSession) -> None:
        self.info = info
        self._session = session

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score windows.

        Args:
            windows: shape (n, patch, n_mels), float32, as :class:`model.mel.MelStream` makes them.

        Returns:
            Shape (n, labels), float32, probabilities in 0...1.

        Raises:
            ModelError: the network fails on these windows, or does not answer with finite numbers.
        """
        try:
            (moods,) = self._session.run([OUTPUT], {INPUT: windows})
        except Exception as error:  # the library's errors have no common base of their own
            raise ModelError(f"the model {self.info.name} fails: {_one_line(error)}") from None
        answers = np.asarray(moods, dtype=np.float32)
        if not np.isfinite(answers).all():
            raise ModelError(f"the model {self.info.name} gives probabilities that are not finite")
        return answers


def load(path: Path) -> Model:
    """Load and verify a model file: contract, labels, front-end, shapes, finite weights, finite probabilities.

    Raises:
        ModelError: the file is missing, unreadable, not ONNX, or does not keep the contract.
    """
    data = _read(path)
    proto = _parse(path, data)
    info = _describe(path, proto, hashlib.sha256(data).hexdigest())
    _check_weights(path, proto)
    model = Model(info, _open(path, data))
    _check_shapes(path, model)
    _check_answers(path, model)
    return model


def onnx_runtime() -> ModuleType:
    """Return the onnxruntime package, told to keep to itself; to be used instead of importing it.

    From 1.31 on it reports its use to its maker unless told not to before it is loaded: it opens sockets and keeps an
    identifier in the user's home. A program that listens to a microphone does nothing of the kind.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 -- heavy, and only now may it be loaded

    return onnxruntime  # type: ignore[no-any-return]


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"no model file at {path}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"the model file {path} cannot be read: {getattr(error, 'strerror', error)}") from None
    if not data:
        raise ModelError(f"the model file {path} is empty")
    return data


def _parse(path: Path, data: bytes) -> onnx.ModelProto:
    import google.protobuf.message  # noqa: PLC0415 -- heavy, and not every command needs a model
    import onnx  # noqa: PLC0415

    try:
        proto = onnx.load_model_from_string(data)
    except google.protobuf.message.DecodeError:
        raise ModelError(f"{path} is not an ONNX file") from None
    if not proto.graph.node:
        raise ModelError(f"{path} is not an ONNX file, or it holds no network")
    return proto


def _describe(path: Path, proto: onnx.ModelProto, sha256: str) -> ModelInfo:
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    contract = metadata.get("moodstream.contract")
    if contract != CONTRACT:
        raise ModelError(
            f"{path} does not say moodstream.contract = {CONTRACT} (it says {contract!r}): "
            "export it with `python -m train.export`"
        )
    labels = _json(path, metadata, "labels")
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) and label for label in labels)
        or len(set(labels)) != len(labels)
    ):
        raise ModelError(f"{path}: its labels must be a list of distinct names, not {labels!r}")
    training = _json(path, metadata, "training") if "training" in metadata else {}
    return ModelInfo(
        name=metadata.get("name", path.stem),
        version=metadata.get("version", "unknown"),
        sha256=sha256,
        labels=tuple(labels),
        frontend=_frontend(path, _json(path, metadata, "frontend")),
        training=training if isinstance(training, dict) else {"note": training},
        license=metadata.get("license", "unknown"),
    )


def _json(path: Path, metadata: dict[str, str], key: str) -> Any:
    if key not in metadata:
        raise ModelError(f"{path} has no {key!r} in its metadata: export it with `python -m train.export`")
    try:
        return json.loads(metadata[key])
    except (ValueError, RecursionError):
        raise ModelError(f"{path}: the {key!r} in its metadata is not JSON: {metadata[key][:60]!r}") from None


def _frontend(path: Path, asked: Any) -> FrontEnd:
    if not isinstance(asked, dict):
        raise ModelError(f"{path}: its front-end must be a JSON object, not {asked!r}")
    try:
        return FrontEnd.from_metadata(asked)
    except FrontEndError as error:
        raise ModelError(f"{path} was made for another front-end: {error}") from None


def _check_weights(path: Path, proto: onnx.ModelProto) -> None:
    import onnx  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415

    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(f"{path} keeps its weights in another file; a model is one file")
        try:
            weights = numpy_helper.to_array(tensor)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} has weights that cannot be read, in {tensor.name!r}: {_one_line(error)}"
            ) from None
        if np.issubdtype(weights.dtype, np.floating) and not np.isfinite(weights).all():
            raise ModelError(f"{path} has weights that are not finite, in {tensor.name!r}")


def _open(path: Path, data: bytes) -> onnxruntime.InferenceSession:
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    # One thread a session and no spinning: several sessions side by side scale better so, and an idle tagger is idle.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4  # what goes wrong is said in our one line, not on stderr by the library
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above: no common base
        raise ModelError(f"{path} cannot be run: {_one_line(error)}") from None


def _check_shapes(path: Path, model: Model) -> None:
    session, info = model._session, model.info
    wanted = [info.frontend.patch, info.frontend.n_mels]
    inputs = {node.name: node for node in session.get_inputs()}
    if list(inputs) != [INPUT]:
        raise ModelError(f"{path} must have the one input {INPUT!r}; it has {', '.join(inputs) or 'none'}")
    shape = list(inputs[INPUT].shape)
    if len(shape) != 3 or shape[1:] != wanted or inputs[INPUT].type != "tensor(float)":
        raise ModelError(
            f"{path} takes {inputs[INPUT].type} {shape}; tensor(float) [batch, {wanted[0]}, {wanted[1]}] is needed"
        )
    outputs = {node.name: node for node in session.get_outputs()}
    if OUTPUT not in outputs:
        raise ModelError(f"{path} must have an output {OUTPUT!r}; it has {', '.join(outputs) or 'none'}")
    shape = list(outputs[OUTPUT].shape)
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != len(info.labels)):
        raise ModelError(f"{path} gives {shape} for {len(info.labels)} labels; [batch, {len(info.labels)}] is needed")


def _check_answers(path: Path, model: Model) -> None:
    frontend = model.info.frontend
    silence = compress(np.zeros((1, frontend.patch, frontend.n_mels)), frontend)
    # Band powers from silence to full scale, evenly spread on the project's own logarithmic scale.
    levels = np.random.default_rng(0).uniform(0.0, 4.0, (2, frontend.patch, frontend.n_mels))
    noise = compress((10.0**levels - 1.0) / 10_000.0, frontend)
    for name, windows in (("silence", silence), ("noise", noise)):
        try:
            moods = model.predict(windows)
        except ModelError as error:
            raise ModelError(f"{path} is no use: for {name}, {error}") from None
        if moods.shape != (len(windows), len(model.info.labels)):
            raise ModelError(
                f"{path} gives {list(moods.shape)} for {len(windows)} windows and {len(model.info.labels)} labels"
            )
        if moods.min() < -1e-6 or moods.max() > 1 + 1e-6:
            raise ModelError(
                f"{path} gives {moods.min():.3g} to {moods.max():.3g} for {name}; probabilities are 0 to 1"
            )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
