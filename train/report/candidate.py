"""The model that is judged: an ONNX file or a training run's folder, behind one face.

    candidate = load_candidate(Path("model/default.onnx"))
    candidate.labels, candidate.frontend
    candidate.predict(windows)             # (n, patch, n_mels) -> (n, labels), 0…1
    with candidate.onnx_file() as path:    # what the live side can be given

A run's folder is judged by its ``mood`` head, or the first head that its configuration judges, which an export takes,
too. A run with the heads ``quadrant`` and ``emotion`` is judged by the nine moods that these give before any blend.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.contract import ModelError, load
from model.frontend import FrontEnd, FrontEndError

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = ("best.pt", "final.pt")
"""Files of a run's folder, the first that is there counts."""

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From windows (n, patch, n_mels) to probabilities (n, labels)."""


class CandidateError(Exception):
    """A model that cannot be judged; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network in memory, and which of its heads is judged; None for quadrants and emotions together."""

    network: nn.Module
    head: str | None
    exclusive: bool


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model that can be judged.

    Attributes:
        path: what the user named.
        name: of the model.
        version: of the model.
        sha256: of the file with the weights, in hexadecimal.
        labels: names of the outputs, in order.
        frontend: what its frames are computed with.
        predict: from windows to probabilities; safe to call from several threads.
        trained: what is behind a run's folder; None for a file.
        remarks: what its reader should know, a line each.
    """

    path: Path
    name: str
    version: str
    sha256: str
    labels: tuple[str, ...]
    frontend: FrontEnd
    predict: Predict
    trained: Trained | None = None
    remarks: tuple[str, ...] = ()

    @contextlib.contextmanager
    def onnx_file(self) -> Iterator[Path]:
        """Give the model as a file: the user's own, or for a run one that is exported now and removed afterwards.

        Raises:
            CandidateError: the run has no mood head, or does not survive the export.
        """
        if self.trained is None:
            yield self.path
            return
        if self.trained.head is None:
            raise CandidateError(f"{self.path} has two heads that only an export blends: python -m train.export first")
        from model.export import ExportError, ModelCard, export_onnx  # noqa: PLC0415 -- torch, for runs only
        from model.networks.single_head import SingleHead  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "candidate.onnx"
            card = ModelCard(self.labels, self.name, self.version, {}, "unknown", self.frontend)
            try:
                network = copy.deepcopy(self.trained.network)  # its other heads are dropped
                export_onnx(SingleHead(network, self.trained.head, exclusive=self.trained.exclusive), path, card)
            except ExportError as error:
                raise CandidateError(f"{self.path}: {error}") from None
            yield path


def load_candidate(path: Path) -> Candidate:
    """Return the model at a path: what ``model.contract.load`` takes, or the folder that ``train.fit`` wrote.

    Raises:
        CandidateError: there is none, or it cannot be used.
    """
    weights = next((path / name for name in WEIGHTS if (path / name).is_file()), None)
    if weights is not None:
        return _run(path, weights)
    if path.is_dir() and not any(path.glob("*.onnx")):
        raise CandidateError(f"{path} holds no trained network (neither {' nor '.join(WEIGHTS)}) and no ONNX file")
    return _file(path)


def _file(path: Path) -> Candidate:
    try:
        model = load(path)
    except ModelError as error:
        raise CandidateError(str(error)) from None
    info = model.info
    return Candidate(path, info.name, info.version, info.sha256, info.labels, info.frontend, model.predict)


def _run(folder: Path, weights: Path) -> Candidate:
    from train.learn.networks import ConfigurationError  # noqa: PLC0415 -- torch, for runs only
    from train.learn.trained import load_trained  # noqa: PLC0415

    try:
        network, stored = load_trained(folder)
        head, labels = _judged_head(folder, stored)
        frontend = FrontEnd.from_metadata(stored["frontend"])
        exclusive = head is not None and stored["losses"][head] == "softmax"
        remarks = _remarks(stored, head)
    except FrontEndError as error:
        raise CandidateError(f"{weights} was trained with another front-end: {error}") from None
    except ConfigurationError as error:
        raise CandidateError(_one_line(error)) from None
    except (KeyError, TypeError, AttributeError):
        raise CandidateError(
            f"{weights} lacks what a run's file holds: train it anew with python -m train.fit"
        ) from None
    name = f"{folder.resolve().parent.name}/{folder.resolve().name}"
    return Candidate(
        path=folder,
        name=name,
        version="run",
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        labels=labels,
        frontend=frontend,
        predict=_predictor(network, head, exclusive),
        trained=Trained(network, head, exclusive),
        remarks=remarks,
    )


def _remarks(stored: dict[str, Any], head: str | None) -> tuple[str, ...]:
    frames, others = stored["first_frames"], [name for name in stored["judged"] if name != head]
    lines = []
    if frames:
        lines.append(f"in training, songs were judged by their first {frames} frames: here whole songs count")
    if others and head is not None:
        lines.append(f"judged by the head {head}; in training, {', '.join(others)} counted as well")
    return tuple(lines)


def _judged_head(folder: Path, stored: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Return the head to judge by, None for quadrants and emotions together, and its labels."""
    from train.data.song import MOODS  # noqa: PLC0415

    labels, judged = stored["labels"], stored["judged"]
    if "mood" in labels:
        return "mood", tuple(labels["mood"])
    if {"quadrant", "emotion"} <= labels.keys():
        return None, MOODS
    if judged:
        return judged[0], tuple(labels[judged[0]])
    raise CandidateError(f"{folder} has no mood head: it has {', '.join(sorted(labels)) or 'none'}")


def _predictor(network: nn.Module, head: str | None, exclusive: bool) -> Predict:
    import torch  # noqa: PLC0415

    from train.learn.scoring import mood_predictor, network_outputs  # noqa: PLC0415

    if head is None:
        return mood_predictor(network)

    def predict(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = network_outputs(network, windows)[head]
        return (torch.softmax(logits, dim=1) if exclusive else torch.sigmoid(logits)).numpy()

    return predict


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}…"
