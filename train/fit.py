"""Train one network on prepared songs; a killed run is continued by the same command.

    python -m train.fit --config config/train/default.yaml --seed 0
    python -m train.fit --config config/train/multi_task_2.yaml --cache cache/emotify --seed 0
    python -m train.fit --config config/train/baseline.yaml --cache cache/mine --set epochs=10
    torchrun --nproc-per-node 2 -m train.fit --config config/train/uai_cnrl.yaml --cache cache/mtg    # two GPUs

The cache is what train.prepare filled: one data set (--dataset), or the default model's four (--music). Writes
runs/NAME/seedN/: log.csv and tensorboard/ (loss and validation figures), curve.png, checkpoint.pt (to continue from),
best.pt or final.pt (the weights to evaluate and export: the best check where the configuration stops early, else the
last). Steps are pure functions of seed and step: a run that was killed ends with the very weights of one that was not.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from pathlib import Path

from train.common.console import needed

with needed(__name__):
    from tqdm import tqdm

    from train.common.console import command_parser, say, show, whole_number
    from train.learn.configuration import load
    from train.learn.distributed import add_hardware, join, leave, one_line, take_hardware
    from train.learn.fitting import fit, open_material
    from train.learn.loop import Run
    from train.learn.trained import trained_file


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.fit", __doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="in place of what the file says; repeatable"
    )
    parser.add_argument("--seed", type=whole_number, default=0, help="of everything random (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--output", type=Path, help="folder of the run (default runs/NAME/seedN)")
    parser.add_argument("--minutes", type=_minutes, help="stop after so much CPU time of training (default: all steps)")
    add_hardware(parser)
    options = parser.parse_args(arguments)
    if not options.config.is_file():
        parser.error(f"no such file: {options.config}")
    take_hardware(parser, options)
    folder = options.output or Path("runs") / options.config.stem / f"seed{options.seed}"
    with one_line("train.fit", folder) as end:
        configuration = load(options.config, options.set)
        material = open_material(options.cache, configuration)
        with join(options.device) as ranks:
            for remark in material.remarks if ranks.first else ():
                say(f"note: {remark}")
            figures = fit(
                configuration, material, folder, options.seed, minutes=options.minutes, ranks=ranks, on_check=_say_check
            )
        if ranks.first:
            show("  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
            say(f"written to {folder}: curve.png, log.csv, tensorboard/, {trained_file(folder).name}")
    return end.code


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text!r}")
    return value


def _say_check(run: Run, loss: float, figures: Mapping[str, float]) -> None:
    """Say how it goes, above the progress bar."""
    shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
    best = "" if run.progress.stale else "  (best so far)"
    line = f"step {run.progress.step} of {run.configuration.steps}: loss {loss:.3f}  {shown}{best}"
    tqdm.write(line, file=sys.stderr)


if __name__ == "__main__":
    leave(main())
