"""Essentia's models: an ONNX file with its JSON beside it, or an embedding model with its heads.

    load_file(OnnxFile.read(Path("msd-musicnn-1.onnx")))                    # mel frames -> tags
    load_file(OnnxFile.read(Path("mood_happy-msd-musicnn-1.onnx")))         # a head: finds msd-musicnn-1.onnx beside it
    load_files(Path("moods"), [...])                                        # several heads of one embedding model

``model.contract.load`` comes here for what does not keep our own contract. The front-end is that of Essentia's
``TensorflowInputMusiCNN``: ours with a symmetric Hann window (``tests/model/test_essentia_frontend.py``). How labels
and probabilities are made of a head's answers is in ``essentia_head.py``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.essentia_head import Head, Layer
from model.frontend import FrontEnd, FrontEndError
from model.model import Model, ModelInfo, check_answers, trial_windows
from model.onnx_file import ModelError, OnnxFile

_BATCH_SIZE = re.compile(r"-bs(\d+|dynamic)(?=-)")
"""Part of a name that says how many windows the file was exported for: the network is the same."""


def load_file(file: OnnxFile) -> Model:
    """Load one model: a network that takes mel frames, or a head, whose embedding model lies beside it.

    Raises:
        ModelError: it cannot be used.
    """
    layer = Layer.open(file)
    if not layer.takes_embeddings:
        return _alone(file.path, layer)
    body = Layer.open(OnnxFile.read(_beside(layer)))
    if body.takes_embeddings:
        raise ModelError(f"{body.path} is a head itself, so {file.path.name} cannot take its embeddings")
    return _chained(file.path, body, [layer])


def load_files(folder: Path, files: Sequence[OnnxFile]) -> Model:
    """Load a folder's embedding model and its heads as one model.

    Args:
        folder: what to call it.
        files: its ONNX files, two or more.

    Raises:
        ModelError: they do not belong together, or cannot be used.
    """
    layers = [Layer.open(file) for file in files]
    heads = [layer for layer in layers if layer.takes_embeddings]
    bodies = [layer for layer in layers if not layer.takes_embeddings]
    if not bodies:
        missing = " or ".join(heads[0].card.embedding_models) or "NAME"
        raise ModelError(f"{folder} holds heads only: put {missing}.onnx and its JSON beside them")
    if len(bodies) > 1:
        names = ", ".join(body.path.name for body in bodies)
        raise ModelError(f"{folder} holds several models of mel frames ({names}): name one of them, or keep one there")
    for head in heads:  # one that does not say whose embeddings it takes was put here for a reason
        wanted = head.card.embedding_models
        if wanted and _plain(bodies[0].path.stem) not in map(_plain, wanted):
            raise ModelError(f"{head.path} takes the embeddings of {' or '.join(wanted)}, not of {bodies[0].path.name}")
    return _chained(folder, bodies[0], heads)


def _alone(path: Path, layer: Layer) -> Model:
    frontend = _frontend(layer)
    head = Head(layer)
    network = layer.runner(["predictions"])
    head.check_raw({name: network(windows)[0] for name, windows in trial_windows(frontend).items()})
    model = Model(_info(path, frontend, [layer], [head]), lambda windows: head.probabilities(network(windows)[0]))
    check_answers(path, model)
    return model


def _chained(path: Path, body: Layer, layers: Sequence[Layer]) -> Model:
    frontend = _frontend(body)
    heads = [Head(layer) for layer in layers]
    networks = [layer.runner(["predictions"]) for layer in layers]
    embed = body.runner(["embeddings"])
    for name, windows in trial_windows(frontend).items():
        embeddings = embed(windows)[0]
        for layer, head, network in zip(layers, heads, networks, strict=True):
            layer.check_embeddings(embeddings, body.path)
            head.check_raw({name: network(embeddings)[0]})

    def predict(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        embeddings = embed(windows)[0]
        answers = zip(heads, networks, strict=True)
        return np.concatenate([head.probabilities(network(embeddings)[0]) for head, network in answers], axis=1)

    model = Model(_info(path, frontend, [body, *layers], heads), predict)
    check_answers(path, model)
    return model


def _info(path: Path, frontend: FrontEnd, layers: Sequence[Layer], heads: Sequence[Head]) -> ModelInfo:
    makers: dict[str, Path] = {}
    for head in heads:
        for label in head.labels:
            if label in makers:
                raise ModelError(f"{makers[label]} and {head.path} both give {label!r}: keep one of them")
            makers[label] = head.path
    cards = [head.card for head in heads]
    digest = hashlib.sha256()
    for layer in sorted(layers, key=lambda layer: layer.path.name):
        digest.update(layer.data)
    return ModelInfo(
        name=path.stem if path.suffix == ".onnx" else path.resolve().name,
        version=", ".join(dict.fromkeys(card.version for card in cards)),
        sha256=digest.hexdigest(),
        labels=tuple(makers),
        frontend=frontend,
        training={card.path.stem: card.dataset for card in cards},
        license="; ".join(dict.fromkeys(card.license for card in cards)),
    )


def _frontend(layer: Layer) -> FrontEnd:
    """Return the front-end of a network that takes mel frames.

    Raises:
        ModelError: its windows are not of that kind.
    """
    shape = layer.input_shape
    patch, bands = shape[1:] if len(shape) == 3 else (None, None)
    if not isinstance(patch, int) or bands != FrontEnd().n_mels:
        raise ModelError(
            f"{layer.path} takes {shape}; [batch, frames, {FrontEnd().n_mels}] is needed, as of MusiCNN or "
            "Discogs-EffNet, or [batch, numbers] for a head"
        )
    try:
        return FrontEnd.from_metadata(FrontEnd(window="hann_symmetric", patch=patch).to_metadata())
    except FrontEndError as error:
        raise ModelError(f"{layer.path} takes {shape}: {error}") from None


def _beside(head: Layer) -> Path:
    """Return the file of a head's embedding model, in the head's folder.

    Raises:
        ModelError: the head names none, or it is not there.
    """
    wanted = _wanted(head)
    there = {path.stem: path for path in head.path.parent.glob("*.onnx")}
    for name in wanted:
        if name in there:
            return there[name]
    plain = set(map(_plain, wanted))
    others = sorted(name for name in there if _plain(name) in plain)
    if others:
        return there[others[-1]]  # the dynamic one, if there is one: it need not be filled up
    raise ModelError(
        f"{head.path} takes the embeddings of {' or '.join(wanted)}: put {wanted[0]}.onnx and its JSON beside it"
    )


def _wanted(head: Layer) -> tuple[str, ...]:
    names = head.card.embedding_models
    if not names:
        raise ModelError(
            f"{head.path} takes embeddings, but its JSON does not say whose (inference.embedding_model.model_name)"
        )
    return names


def _plain(name: str) -> str:
    return _BATCH_SIZE.sub("", name)
