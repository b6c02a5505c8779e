"""The ONNX contract: what a model file must be, checked when it is loaded.

    model = load(Path("model/default.onnx"))
    model.info.labels                      # ("happy", "angry", ...)
    moods = model.predict(windows)         # (n, 187, 96) float32 -> (n, labels) float32 in 0...1

:func:`load` is the one way in, for Essentia's models too (``essentia.py``). A file that does not keep the contract is
refused with a :class:`ModelError` that says in one line what is wrong.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import essentia
from model.frontend import FrontEnd, FrontEndError
from model.onnx_file import Model, ModelError, ModelInfo, OnnxFile, Runner, check_answers, onnx_runtime

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["CONTRACT", "DEFAULT_MODEL", "Model", "ModelError", "ModelInfo", "load", "onnx_runtime"]

CONTRACT = "1"
INPUT = "melspectrogram"
OUTPUT = "moods"
_KEY = "moodstream.contract"

DEFAULT_MODEL = Path(__file__).with_name("default.onnx")


def load(path: Path) -> Model:
    """Load and verify a model: contract, labels, front-end, shapes, finite weights, finite probabilities.

    Args:
        path: an ONNX file that keeps the contract; one of Essentia's with its JSON beside it; or a folder of those.

    Raises:
        ModelError: the file is missing, unreadable, not ONNX, or does not keep the contract.
    """
    if os.path.isdir(path):  # noqa: PTH112 -- pathlib raises where a folder may not be looked into
        paths = onnx_files(path)
        if len(paths) > 1:
            return essentia.load_files(path, [_foreign(OnnxFile.read(each)) for each in paths])
        (path,) = paths
    file = OnnxFile.read(path)
    if _KEY not in file.metadata and os.path.exists(path.with_suffix(".json")):  # noqa: PTH110 -- as above
        return essentia.load_file(file)
    return _load(file)


def onnx_files(folder: Path) -> list[Path]:
    """Return a folder's ONNX files, by name; those of folders in it are not looked for.

    Raises:
        ModelError: it cannot be read, or holds none.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".onnx" and not path.name.startswith("."))
    except OSError as error:
        raise ModelError(f"the folder {folder} cannot be read: {error.strerror}") from None
    if not files:
        raise ModelError(f"the folder {folder} holds no ONNX file (*.onnx)")
    return files


def _foreign(file: OnnxFile) -> OnnxFile:
    if _KEY in file.metadata:
        raise ModelError(f"{file.path} is a whole model, and no part of others in its folder: name it alone")
    return file


def _load(file: OnnxFile) -> Model:
    info = _describe(file)
    session = file.open()
    _check_shapes(file.path, session, info)
    runner = Runner(session, [OUTPUT])
    model = Model(info, lambda windows: runner(windows)[0])
    check_answers(file.path, model)
    return model


def _describe(file: OnnxFile) -> ModelInfo:
    path, metadata = file.path, file.metadata
    contract = metadata.get(_KEY)
    if contract != CONTRACT:
        raise ModelError(
            f"{path} does not say {_KEY} = {CONTRACT} (it says {contract!r}): export it with `python -m train.export`, "
            f"or put {path.stem}.json beside it if it is one of Essentia's"
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
        sha256=file.sha256,
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


def _check_shapes(path: Path, session: onnxruntime.InferenceSession, info: ModelInfo) -> None:
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
