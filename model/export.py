"""Write a torch network as an ONNX file that carries its labels and its front-end.

    export_onnx(network, Path("model.onnx"), ModelCard(labels=…, name=…, version=…, training=…, license=…))
    export_onnx(network, path, card, batches)          # checked on real windows as well, as it ought to be

Only training needs this module; it imports torch. What it writes, model.contract reads: input ``melspectrogram``
(batch, patch, n_mels), output ``moods`` (batch, labels) in 0…1, and the metadata properties of the contract.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from model.contract import ModelError, load
from model.files import replaced
from model.frontend import FrontEnd
from model.mel import compress

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From windows (n, patch, n_mels) to probabilities (n, labels)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """How near two networks are on the same windows.

    Attributes:
        windows: compared.
        greatest: difference of two probabilities.
        mean: difference of two probabilities, absolute.
        leading: share of windows with the same highest label, 0…1.
    """

    windows: int
    greatest: float
    mean: float
    leading: float


def compare(first: Predict, second: Predict, batches: Iterable[NDArray[np.float32]]) -> Agreement:
    """Return how near two networks are; one batch is held at a time.

    Args:
        first: one network.
        second: the other, with the same labels.
        batches: windows, each batch of shape (n, patch, n_mels).

    Raises:
        ValueError: there are no windows.
    """
    windows = same = numbers = 0
    greatest = total = 0.0
    for batch in batches:
        if not len(batch):
            continue
        ours, theirs = first(batch), second(batch)
        differences = np.abs(ours - theirs)
        # Not max(): a difference that is not a number must show.
        greatest = float(np.maximum(greatest, differences.max()))
        total += float(differences.sum(dtype=np.float64))
        same += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        windows += len(batch)
        numbers += differences.size
    if not windows:
        raise ValueError("there are no windows to compare two networks on")
    return Agreement(windows, greatest, total / numbers, same / windows)


def greatest_difference(predict: Predict, onnx_path: Path, batches: Iterable[NDArray[np.float32]]) -> float:
    """Return the greatest difference between a probability of a network and one of its ONNX file.

    Args:
        predict: the network.
        onnx_path: its file, which must keep the contract.
        batches: windows, each batch of shape (n, patch, n_mels).

    Raises:
        model.contract.ModelError: the file does not keep the contract.
        ValueError: there are no windows.
    """
    return compare(predict, load(onnx_path).predict, batches).greatest


CONTRACT = "1"
TOLERANCE = 5e-5
"""Greatest difference between a probability from torch and one from ONNX Runtime, which add up in another order."""


class ExportError(Exception):
    """An exported file that does not do what the network does; the message says how far it is off."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModelCard:
    """What an ONNX file says about itself.

    Attributes:
        labels: names of the outputs, in order.
        name: of the model.
        version: of the model.
        training: data sets, seeds, metrics; anything that JSON can hold.
        license: of the weights.
        frontend: what the input frames must have been computed with.
    """

    labels: tuple[str, ...]
    name: str
    version: str
    training: Mapping[str, Any]
    license: str
    frontend: FrontEnd = dataclasses.field(default_factory=FrontEnd)

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata properties."""
        return {
            "moodstream.contract": CONTRACT,
            "labels": json.dumps(list(self.labels)),
            "frontend": json.dumps(self.frontend.to_metadata()),
            "name": self.name,
            "version": self.version,
            "training": json.dumps(self.training, ensure_ascii=False),
            "license": self.license,
        }


def export_onnx(network: nn.Module, path: Path, card: ModelCard, batches: Iterable[NDArray[np.float32]] = ()) -> float:
    """Write ``network`` to ``path`` and check the file against it; the file appears only if it agrees.

    Args:
        network: from frames (batch, patch, n_mels), as ``card.frontend`` makes them, to probabilities (batch, labels).
        path: file to write.
        card: what the file is to say about itself.
        batches: real windows to check it on, each batch of shape (n, patch, n_mels); random ones are always among them.

    Returns:
        The greatest difference between a probability of the file and one of the network.

    Raises:
        ExportError: if that difference exceeds TOLERANCE, the outputs are not one per label, or the live side would
            refuse the file.
    """
    network.eval()
    example = example_frames(card.frontend)

    def predict(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(windows)).numpy(), np.float32)

    expected = predict(example)
    if expected.shape != (len(example), len(card.labels)):
        raise ExportError(f"outputs of shape {expected.shape} for {len(card.labels)} labels")
    document = without_traces(_traced(network, torch.from_numpy(example)))
    onnx.helper.set_model_props(document, card.to_metadata())
    onnx.checker.check_model(document)
    try:
        with replaced(path) as part:
            onnx.save(document, part)
            # A batch of one as well: the graph must not have frozen the size of the example.
            trials = itertools.chain([example, example[:1]], batches)
            difference = compare(predict, load(part).predict, trials).greatest
            if not difference <= TOLERANCE:
                raise ExportError(f"the exported file is off by {difference:.2g} (allowed {TOLERANCE})")
    except ModelError as error:
        raise ExportError(f"the live side refuses the exported file: {error}") from None
    return difference


def without_traces(document: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without what its nodes say of the code that they come from.

    torch writes a stack trace into each node: paths of the machine that exported it, and a tenth of the file.
    """
    clean = onnx.ModelProto()
    clean.CopyFrom(document)
    graph = clean.graph
    parts: list[Any] = [graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]
    parts += [*clean.functions, *(node for function in clean.functions for node in function.node)]
    for each in parts:
        del each.metadata_props[:]
        each.doc_string = ""
    return clean


def example_frames(frontend: FrontEnd, count: int = 3) -> NDArray[np.float32]:
    """Return frames like music's, shape (count, patch, n_mels): random, smooth over time, falling with frequency."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((count, frontend.patch + 8, frontend.n_mels))
    smooth = sum(noise[:, lag : lag + frontend.patch] for lag in range(8)) / 4
    levels = np.maximum(smooth + np.linspace(4.0, 0.5, frontend.n_mels), 0.0)
    return compress((10.0**levels - 1.0) / 10_000.0, frontend)


def _traced(network: nn.Module, example: torch.Tensor) -> onnx.ModelProto:
    # The exporter logs what it lacks for other people's operators (torchvision's), and warns of its own future.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example,),
            input_names=["melspectrogram"],
            output_names=["moods"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch exported nothing")
    return program.model_proto
