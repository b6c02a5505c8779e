"""ONNX files: read, checked, opened, and run whatever batch they were exported with.

    file = OnnxFile.read(Path("model/default.onnx"))
    file.metadata["labels"], file.sha256
    session = file.open()                  # an onnxruntime session, once its weights have been checked
    Runner(session, ["moods"])(windows)    # a list of answers, one for each output asked for

A file is data: it is parsed and run by onnxruntime, nothing in it is executed as code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd
from model.mel import compress

if TYPE_CHECKING:
    import onnx
    import onnxruntime

_FLOAT = "tensor(float)"


class ModelError(Exception):
    """A model file that cannot be used; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class OnnxFile:
    """An ONNX file that was read and parsed.

    Attributes:
        path: where it lies.
        data: its bytes.
        proto: the network.
    """

    path: Path
    data: bytes = dataclasses.field(repr=False)
    proto: onnx.ModelProto = dataclasses.field(repr=False)

    @classmethod
    def read(cls, path: Path) -> OnnxFile:
        """Read a file.

        Raises:
            ModelError: it is missing, unreadable, empty, or not ONNX.
        """
        data = _read(path)
        return cls(path, data, _parse(path, data))

    @property
    def sha256(self) -> str:
        """Of the file, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata properties."""
        return {entry.key: entry.value for entry in self.proto.metadata_props}

    def open(self) -> onnxruntime.InferenceSession:
        """Check the weights and return a session.

        Raises:
            ModelError: the weights are not finite, not readable or in another file, or the network cannot be run.
        """
        _check_weights(self.path, self.proto)
        return _open(self.path, self.data)

    def last_operator(self, output: str) -> str:
        """Return the kind of the operator that makes an output, those that only hand on left out; "" if none does."""
        makers = {name: node for node in self.proto.graph.node for name in node.output}
        node = makers.pop(output, None)
        while node is not None and node.op_type == "Identity":
            node = makers.pop(node.input[0], None)  # popped: a ring of them ends
        return "" if node is None else node.op_type


class Runner:
    """A session with one input, for any number of rows. Safe to call from several threads."""

    def __init__(self, session: onnxruntime.InferenceSession, outputs: Sequence[str]) -> None:
        """Take the session's outputs of these names, in this order."""
        (node,) = session.get_inputs()
        self._session = session
        self._input = node.name
        self._outputs = list(outputs)
        size = node.shape[0]
        self._batch = size if isinstance(size, int) and size > 0 else None  # some exporters write -1 for any

    def __call__(self, rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return each output for rows of shape (n, ...), n >= 1: a list of arrays (n, ...).

        A network exported for batches of one size gets the last batch filled up with its own last row; what it answers
        for those is left out.
        """
        if self._batch is None or self._batch == len(rows):
            return self._run(rows)
        padding = -len(rows) % self._batch
        full = np.concatenate([rows, np.repeat(rows[-1:], padding, axis=0)])
        batches = [self._run(batch) for batch in np.split(full, len(full) // self._batch)]
        return [np.concatenate(answers)[: len(rows)] for answers in zip(*batches, strict=True)]

    def _run(self, rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        answers = self._session.run(self._outputs, {self._input: rows})
        return [np.asarray(answer, dtype=np.float32) for answer in answers]


def only_input(path: Path, session: onnxruntime.InferenceSession) -> tuple[str, list[int | str | None]]:
    """Return name and shape of a network's one input; sizes that are open are names or None.

    Raises:
        ModelError: it has another number of inputs, or one that is not float32.
    """
    nodes = session.get_inputs()
    if len(nodes) != 1:
        raise ModelError(
            f"{path} must have one input, the mel frames; it has {', '.join(node.name for node in nodes) or 'none'}"
        )
    if nodes[0].type != _FLOAT:
        raise ModelError(f"{path} takes {nodes[0].type}; {_FLOAT} is needed")
    return nodes[0].name, list(nodes[0].shape)


def onnx_runtime() -> ModuleType:
    """Return the onnxruntime package, told to keep to itself; to be used instead of importing it.

    From 1.31 on it reports its use to its maker unless told not to before it is loaded: it opens sockets and keeps an
    identifier in the user's home. A program that listens to a microphone does nothing of the kind.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 -- heavy, and only now may it be loaded

    return onnxruntime  # type: ignore[no-any-return]


def one_line(error: Exception) -> str:
    """Return what an error of a library says, short and on one line."""
    return " ".join(str(error).split())[:200]


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


def _check_weights(path: Path, proto: onnx.ModelProto) -> None:
    import onnx  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415

    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(f"{path} keeps its weights in another file; a model is one file")
        try:
            weights = numpy_helper.to_array(tensor)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} has weights that cannot be read, in {tensor.name!r}: {one_line(error)}") from None
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
    except Exception as error:  # the library's errors have no common base of their own
        raise ModelError(f"{path} cannot be run: {one_line(error)}") from None


Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Turns windows (n, patch, n_mels) into probabilities (n, labels)."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model says of itself.

    Attributes:
        name: of the model.
        version: of the model.
        sha256: of the ONNX file, in hexadecimal; of all its ONNX files, one after another by name, if it has several.
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

    def __init__(self, info: ModelInfo, network: Network) -> None:
        self.info = info
        self._network = network

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
            answers = self._network(windows)
        except Exception as error:  # the library's errors have no common base of their own
            raise ModelError(f"the model {self.info.name} fails: {one_line(error)}") from None
        if not np.isfinite(answers).all():
            raise ModelError(f"the model {self.info.name} gives probabilities that are not finite")
        return answers


def trial_windows(frontend: FrontEnd) -> dict[str, NDArray[np.float32]]:
    """Return a window of silence and two of noise, by name: what every model must have an answer to."""
    silence = compress(np.zeros((1, frontend.patch, frontend.n_mels)), frontend)
    # Band powers from silence to full scale, evenly spread on the project's own logarithmic scale.
    levels = np.random.default_rng(0).uniform(0.0, 4.0, (2, frontend.patch, frontend.n_mels))
    noise = compress((10.0**levels - 1.0) / 10_000.0, frontend)
    return {"silence": silence, "noise": noise}


def check_answers(path: Path, model: Model) -> None:
    """Check that a model answers to silence and noise with one probability a window and label.

    Raises:
        ModelError: it does not.
    """
    for name, windows in trial_windows(model.info.frontend).items():
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
