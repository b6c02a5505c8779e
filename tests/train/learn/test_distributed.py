"""Several processes are one run: the gradient of the whole batch, one set of files, and the same resumption."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.train import own_songs
from tests.train.test_fit_own import FILES, arguments
from train import fit
from train.learn.configuration import load
from train.learn.corpus import Corpus
from train.learn.distributed import Ranks
from train.learn.fitting import corpus_material
from train.learn.loop import Mix, Run
from train.learn.networks import ConfigurationError, build_network
from train.learn.trained import read_log

CONFIG = Path("config/train/multi_task_2.yaml")
EXACT = ("precision=float32", "network.dropout=0.0", "epochs=2")


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_mean_of_the_gradients_is_that_of_the_whole_batch(own_cache: Path, world: int, reduction: str) -> None:
    configuration = load(CONFIG, (*own_songs.TINY, f"reduction={reduction}"))
    material = corpus_material(Corpus.open(own_cache), configuration)
    generator = torch.Generator().manual_seed(1)
    songs = torch.randint(0, 12, (7,), generator=generator)
    mix = Mix(torch.randperm(7, generator=generator), torch.full((7,), 0.8))

    def gradients(ranks: Ranks) -> list[torch.Tensor]:
        run = Run(configuration, material, 0, ranks)
        for number, head in enumerate(run.heads.values()):
            head.mask[number::3] = 0  # some songs are not annotated, not the same ones in every head
        logits = {name: nn.Parameter(torch.randn(7, len(h.labels), generator=torch.Generator().manual_seed(2)))
                  for name, h in run.heads.items()}  # fmt: skip
        share = ranks.share(7)
        run.loss({name: values[share] for name, values in logits.items()}, songs, mix, share).backward()
        return [values.grad for values in logits.values() if values.grad is not None]

    parts = [gradients(AsIfMany(rank, world)) for rank in range(world)]
    for whole, *others in zip(gradients(Ranks()), *parts, strict=True):
        torch.testing.assert_close(sum(others) / world, whole)


@pytest.mark.parametrize(("device", "kind"), [("cuda", nn.SyncBatchNorm), ("cpu", nn.BatchNorm2d)])
def test_on_gpus_batch_normalisation_sees_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch, device: str, kind: type[nn.Module]
) -> None:
    """Which layers are wrapped can be seen without a GPU, and what is trained is still the network that is saved."""
    monkeypatch.setattr("train.learn.distributed.DistributedDataParallel", lambda network, **_: network)
    network = build_network(load(CONFIG).network, {"mood": 3})
    before = {name: value.data_ptr() for name, value in network.state_dict().items()}
    wrapped = Ranks(0, 2, torch.device(device)).wrap(network)
    found = [type(layer) for layer in wrapped.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    assert found == [kind] * 5
    assert {name: value.data_ptr() for name, value in network.state_dict().items()} == before


class AsIfMany(Ranks):
    """One of several processes that need not talk to each other."""

    def wrap(self, network: nn.Module) -> nn.Module:
        return network


def test_a_batch_that_is_too_small_for_the_processes_is_one_line(own_cache: Path) -> None:
    configuration = load(CONFIG, own_songs.TINY)
    material = corpus_material(Corpus.open(own_cache), configuration)
    with pytest.raises(ConfigurationError, match="a batch has 4 windows, too few for 5 processes"):
        Run(configuration, material, 0, AsIfMany(0, 5))


def torchrun(cache: Path, folder: Path, *changes: str) -> subprocess.CompletedProcess[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    call = ["--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", str(port), "-m", "train.fit"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-m", "torch.distributed.run", *call, *arguments(cache, folder, *changes)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_two_processes_go_on_where_one_stopped_and_write_one_set_of_files(own_cache: Path, tmp_path: Path) -> None:
    """The losses differ a little: on CPUs batch normalisation sees each process's share of a batch."""
    for name in ("many", "one"):
        stopped = ["--minutes", "0.0000001"]  # after its first step
        assert fit.main([*arguments(own_cache, tmp_path / name, *EXACT), *stopped]) == 0
    result = torchrun(own_cache, tmp_path / "many", *EXACT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("mood PR-AUC") == 1
    assert result.stderr.count("step 3 of 6") == 1
    assert {path.name for path in (tmp_path / "many").iterdir()} == FILES
    assert len(list((tmp_path / "many/tensorboard").iterdir())) == 2
    assert fit.main(arguments(own_cache, tmp_path / "one", *EXACT)) == 0
    many, one = (read_log(tmp_path / name / "log.csv") for name in ("many", "one"))
    assert [row["step"] for row in many] == [row["step"] for row in one] == ["1", "3", "6"]
    assert [float(row["loss"]) for row in many] == pytest.approx([float(row["loss"]) for row in one], rel=0.2)
