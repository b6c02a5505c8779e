"""Make the default model from a music folder: prepare, train the members, export, evaluate. One command, resumable.

    python -m train.default --music music                          # writes model/default.onnx
    python -m train.default --music music --steps-only             # print the commands without running them

Each stage is the command that it prints, so any of them can be run by hand. A run that was stopped is continued by the
same command: prepared songs and trained members are not done again. About three quarters of an hour on two cores.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from train.common.console import command_parser, say, show

MEMBERS = Path("config/train/default.yaml")
LISTENERS = Path("config/train/listeners.yaml")
MEMBER_SEEDS = (0, 1, 2, 3, 4)
LISTENER_SEEDS = (0, 1, 2, 3, 4)
SEEDS = {MEMBERS: MEMBER_SEEDS, LISTENERS: LISTENER_SEEDS}
VERSIONS = 3


def stages(music: Path, cache: Path, runs: Path, output: Path) -> list[list[list[str]]]:
    """Return the commands in their order; those of one stage may run side by side."""
    trained = [(path, seed) for path, seeds in SEEDS.items() for seed in seeds]
    folders = {(path, seed): str(runs / path.stem / f"seed{seed}") for path, seed in trained}
    members, listeners = ([folders[path, seed] for seed in SEEDS[path]] for path in (MEMBERS, LISTENERS))
    where = ["--cache", str(cache)]
    return [
        [_module("train.prepare", "--music", str(music), "--versions", str(VERSIONS), *where)],
        [
            _module("train.fit", "--config", str(path), "--seed", str(seed), "--output", folder, *where)
            for (path, seed), folder in folders.items()
        ],
        [
            _module(
                *("train.export", "--runs", *members, "--listeners", *listeners),
                *("--output", str(output), "--name", "moodstream-default", *where),
            )
        ],
        [_module("train.evaluate_default", "--model", *members, *where)],
        [_module("train.evaluate_default", "--model", str(output), *where)],
    ]


def run_stage(commands: Sequence[Sequence[str]], jobs: int) -> bool:
    """Run the commands of one stage, ``jobs`` at a time; return whether all succeeded."""
    for command in commands:
        say("$ " + " ".join(["python", *command[1:]]))
    with ThreadPoolExecutor(jobs) as pool:
        return all(status == 0 for status in pool.map(_status, commands))


def _status(command: Sequence[str]) -> int:
    return subprocess.run(command, check=False).returncode


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.default", __doc__)
    parser.add_argument("--music", type=Path, required=True, help="folder with the tables and the files they name")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="training runs (default %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("model/default.onnx"), help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="members trained side by side (default %(default)s)")
    parser.add_argument("--steps-only", action="store_true", help="print the commands and do nothing")
    options = parser.parse_args(arguments)
    for commands in stages(options.music, options.cache, options.runs, options.output):
        if options.steps_only:
            show("\n".join(" ".join(["python", *command[1:]]) for command in commands))
        elif not run_stage(commands, options.jobs):
            say("train.default: a stage failed, see above; the same command continues from there")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
