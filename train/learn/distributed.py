"""One process or many: what torchrun says, and the torch.distributed calls that training needs.

    torchrun --nproc-per-node 4 -m train.fit --config …                      # four GPUs
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-endpoint HOST:29500 -m train.fit --config …

    with join("auto") as ranks:
        network = ranks.wrap(network)

Every process draws the same batch and takes its share of it; losses are divided by what the whole batch is annotated
with. On GPUs batch normalisation sees the whole batch, too. On CPUs, where torch has no such thing, it sees a process's
share, and its running statistics are the first process's. Dropout draws otherwise for another number of processes.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from train.common.console import failure, say
from train.common.lock import LockedError
from train.learn.networks import ConfigurationError


@dataclasses.dataclass
class End:
    """How a command ended."""

    code: int = 0


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """Add the options for what a network is trained on."""
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default %(default)s)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default %(default)s")


def take_hardware(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Let torch have so many threads; the usage error of a number that makes no sense."""
    if options.threads < 1:
        parser.error(f"--threads {options.threads}: at least 1 is needed")
    torch.set_num_threads(options.threads)


@contextmanager
def one_line(command: str, folder: Path) -> Iterator[End]:
    """Say in one line what a user can cause, and keep the exit code that belongs to it: 1, or 130 after Ctrl-C.

    Args:
        command: its name.
        folder: where it writes, and from where the same command continues.
    """
    end = End()
    try:
        yield end
    except OSError as error:
        say(f"{command}: {failure(error, folder)}")
        end.code = 1
    except (ConfigurationError, LockedError, ValueError, RuntimeError, FloatingPointError) as error:
        say(f"{command}: {' '.join(str(error).split())}")
        end.code = 1
    except KeyboardInterrupt:
        say(f"{command}: interrupted; the same command continues from {folder}")
        end.code = 130


T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those of a run.

    Attributes:
        rank: from 0; the first writes the files.
        world: of all processes.
        device: where this one computes.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are averaged over all processes; itself if there is only one.

        On GPUs its batch normalisations are replaced by ones that see the whole batch.
        """
        if self.world == 1:
            return network
        if self.device.type != "cuda":
            return DistributedDataParallel(network)
        return DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(network), device_ids=[self.device])

    def share(self, count: int) -> slice:
        """Return which of a batch's ``count`` windows are this process's; its size differs by one at most."""
        return slice(self.rank, count, self.world)

    def from_first(self, value: T) -> T:
        """Return the first process's value; the others' is not looked at."""
        if self.world == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes."""
        if self.world > 1:
            distributed.all_reduce(value)
        return value


@contextmanager
def join(device: str) -> Iterator[Ranks]:
    """Yield this process's place; ``torchrun`` says it by environment variables, without them there is one process.

    Args:
        device: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.

    Raises:
        RuntimeError: ``cuda`` was asked for, and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("--device cuda: torch sees no GPU here")
    use_gpu = device != "cpu" and torch.cuda.is_available()
    local = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if use_gpu else torch.device("cpu")
    if use_gpu:
        if (local.index or 0) >= torch.cuda.device_count():
            raise RuntimeError(
                f"process {local.index} of this machine has no GPU: there are {torch.cuda.device_count()}"
            )
        torch.cuda.set_device(local)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks(device=local)
        return
    # The others wait while the first process judges: for a large validation split that is more than NCCL's 10 minutes.
    distributed.init_process_group("nccl" if use_gpu else "gloo", timeout=datetime.timedelta(hours=2))
    try:
        yield Ranks(distributed.get_rank(), world, local)
    finally:
        distributed.destroy_process_group()


def leave(code: int) -> NoReturn:
    """End the process with an exit code, and nothing else if it is one of several.

    Gloo's threads live as long as a network was wrapped, and one that lets go of a tensor while the interpreter ends
    aborts the process (https://github.com/pytorch/pytorch/pull/179291), so that torchrun takes a run that is done for
    one that failed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
