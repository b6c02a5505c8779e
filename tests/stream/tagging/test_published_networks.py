"""The papers' networks stream: exported, loaded as a user's model, equal to torch on the whole sound."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from model.contract import Model, load
from model.export import ModelCard, export_onnx
from model.frontend import FrontEnd
from model.mel import melspectrogram
from model.networks import kumar_dahiya, singh_biswas, uai_cnrl
from model.networks.kumar_dahiya import KumarDahiya
from model.networks.singh_biswas import SinghBiswas
from model.networks.single_head import SingleHead
from model.networks.uai_cnrl import UaiCnrl
from model.resample import resample
from stream.tagging.session import Session, SessionOptions
from tests.stream.sound import chunks, estimates, listen, tune

LABELS = ("one", "two", "three", "four")


def settled(network: nn.Module, frontend: FrontEnd) -> nn.Module:
    """Give batch norms statistics of real frames, so that random weights answer differently to different sound."""
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.from_numpy(windows(tune(3 * seconds(frontend)), frontend, frontend.patch)))
    return network.eval()


def seconds(frontend: FrontEnd) -> float:
    return frontend.window_samples / frontend.samplerate


def windows(sound: np.ndarray, frontend: FrontEnd, hop: int, rate: int = 16_000) -> np.ndarray:
    samples = resample(sound, rate, frontend.samplerate)
    frames = melspectrogram(samples, frontend)[: len(samples) // frontend.hop]
    return np.stack([frames[at : at + frontend.patch] for at in range(0, len(frames) - frontend.patch + 1, hop)])


def exported(network: nn.Module, path: Path, frontend: FrontEnd) -> Model:
    export_onnx(network, path, ModelCard(LABELS, "trial", "1", {}, "CC0-1.0", frontend))
    return load(path)


@pytest.mark.parametrize(
    ("network", "frontend", "hop", "length"),
    [
        (SingleHead(KumarDahiya({"mood": 4, "artist": 5}), "mood"), kumar_dahiya.FRONTEND, 187, 7.0),
        (
            SingleHead(SinghBiswas({"artist": 4, "language": 17}), "artist", exclusive=True),
            singh_biswas.FRONTEND,
            187,
            20.0,
        ),
        # Its first stage 4 channels wide instead of 64: the layers are the same, the time is not.
        (SingleHead(UaiCnrl(4, width=4), "attention"), uai_cnrl.FRONTEND, 469, 99.0),
    ],
    ids=["kumar_dahiya", "singh_biswas", "uai_cnrl"],
)
def test_a_stream_is_scored_as_the_whole_is_by_torch(
    tmp_path: Path, network: nn.Module, frontend: FrontEnd, hop: int, length: float
) -> None:
    model = exported(settled(network, frontend), tmp_path / "trial.onnx", frontend)
    assert model.info.frontend == frontend
    sound = tune(length, 44_100, seed=3)
    session = Session("s", model, SessionOptions(hop_frames=hop))
    got = estimates(listen(session, chunks(sound, 44_100, size=10_007)))
    with torch.inference_mode():
        expected = network(torch.from_numpy(windows(sound, frontend, hop, 44_100))).numpy()
    assert len(got) == len(expected) >= 2
    np.testing.assert_allclose([list(e.mood.values()) for e in got], expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 1e-3
