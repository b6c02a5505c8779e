"""Run a published comparison on a prepared data set: train every system with several seeds, print the table.

    python -m train.prepare --dataset emotify --annotations music --cache cache/emotify
    python -m train.experiment table1 --cache cache/emotify --seeds 0 1 2 --split artist random
    python -m train.experiment alpha --cache cache/emotify --set 'network.channels=[8,16,16,32,32]' --set epochs=6
    python -m train.experiment mediaeval --cache cache/mtg
    python -m train.experiment artist-language --cache cache/mine

table1: Kumar and Dahiya's moods alone against moods with artists (I) and with artists and years (II). alpha: the weight
of the metadata loss, and its reduction. mediaeval: UAI-CNRL against the popularity baseline. artist-language: Singh and
Biswas, judged by artists and by languages. table1 and mediaeval print the rows of their papers beside ours. Without
--split, table1 and alpha split by artist and at random, mediaeval as the data set gives it, artist-language at random
(nobody unheard can be recognised).

A cell (system, split, seed) that is done is not done again, and an interrupted one goes on: the same command continues.
Writes table.md, table.json, table.png and the runs to --output.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from train.common.console import needed

with needed(__name__):
    import numpy as np
    from tqdm import tqdm

    from train.common.console import command_parser, say, show, whole_number
    from train.data.splits import HOW, heard_artists
    from train.experiments.cell import Cell, Tested, popularity, run_cell
    from train.experiments.output import as_json, as_markdown, write_report
    from train.experiments.plan import PLANS, Plan
    from train.experiments.summary import coverage, span, summarise
    from train.learn.configuration import load
    from train.learn.corpus import Corpus
    from train.learn.distributed import Ranks, add_hardware, join, leave, one_line, take_hardware
    from train.learn.networks import network_frontend


def run(
    plan: Plan, corpus: Corpus, root: Path, splits: list[str], seeds: list[int], ranks: Ranks
) -> dict[tuple[str, str], list[Tested]]:
    """Run what is missing of an experiment; return the test scores of its cells by split and system."""
    cells = [(how, seed, row) for seed in seeds for how in splits for row in plan.rows]
    tested: dict[tuple[str, str], list[Tested]] = {}
    bar = tqdm(cells, desc="cells", unit="cell", disable=None if ranks.first else True)
    for how, seed, row in bar:
        bar.set_postfix_str(f"{row.system}, {how}, seed {seed}")
        if row.config is None:
            found = popularity(corpus.split(how, seed))
        else:
            cell = Cell(row.network or row.system, row.config, row.changes, how, seed, row.head)
            found = run_cell(cell, corpus, root, ranks)
        tested.setdefault((how, row.system), []).append(found)
    return tested


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.experiment", __doc__)
    parser.add_argument("name", choices=list(PLANS), help="of the experiment")
    parser.add_argument("--cache", type=Path, required=True, help="features of train.prepare --dataset")
    parser.add_argument("--seeds", type=whole_number, nargs="+", default=[0, 1, 2], help="default 0 1 2")
    parser.add_argument("--split", nargs="+", choices=HOW, default=[], help="default: see below")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change every preset, such as its width"
    )
    parser.add_argument("--output", type=Path, help="folder (default runs/experiments/NAME-CACHE)")
    add_hardware(parser)
    parser.add_argument("--json", action="store_true", help="print the table for programs")
    options = parser.parse_args(arguments)
    take_hardware(parser, options)
    root = options.output or Path("runs/experiments") / f"{options.name}-{options.cache.name}"
    seeds = list(dict.fromkeys(options.seeds))
    with one_line("train.experiment", root) as end:
        corpus = Corpus.open(options.cache)
        plan = PLANS[options.name](corpus, tuple(options.set))
        splits = list(dict.fromkeys(options.split or plan.usual))
        corpus = checked(plan, corpus, splits, seeds)
        with join(options.device) as ranks:
            for remark in corpus.remarks if ranks.first else ():
                say(f"note: {remark}")
            tested = run(plan, corpus, root, splits, seeds, ranks)
        if ranks.first:
            heading = describe(corpus, tuple(options.set))
            found = [*remarks(corpus, splits, seeds), *coverage(plan, tested)]
            table = summarise(plan, seeds, tested, found)
            root.mkdir(parents=True, exist_ok=True)
            write_report(table, heading, root)
            show(as_json(table, heading) if options.json else as_markdown(table, heading))
            say(f"written to {root}: table.md, table.json, table.png")
    return end.code


def checked(plan: Plan, corpus: Corpus, splits: list[str], seeds: list[int]) -> Corpus:
    """Return the songs that every system can score, before anything is trained.

    Raises:
        ConfigurationError, ValueError: a split makes no sense here, or a change of the presets is wrong.
    """
    for how in splits:
        if how not in plan.splits:
            raise ValueError(f"--split {how} makes no sense here: {' or '.join(plan.splits)} does")
    configurations = [load(row.config, row.changes) for row in plan.rows if row.config is not None]
    for configuration in configurations:
        corpus = corpus.long_enough(network_frontend(configuration.network).patch)
    for how, seed in itertools.product(splits, seeds):
        divided = corpus.split(how, seed)
        test = np.array([entry.split == "test" for entry in divided.manifest.entries], bool)
        if not test.any():
            raise ValueError(f"no song of {corpus.manifest.dataset} is in the split test (--split {how})")
        for configuration in configurations:
            for name, task in configuration.heads.items():
                divided.head(task.targets or name, task.loss)
            for targets, loss in configuration.heads_judged().values():
                if not divided.head(targets, loss).mask[test].any():
                    raise ValueError(
                        f"no test song of {corpus.manifest.dataset} says its {targets}, or none that training knows "
                        f"(--split {how}, seed {seed}): there is nothing to judge by"
                    )
    return corpus


def remarks(corpus: Corpus, splits: list[str], seeds: list[int]) -> list[str]:
    """Return what a reader of the table should know of the songs: those left out, and those of the test."""
    lines = list(corpus.remarks)
    for how in splits:
        found = [corpus.split(how, seed).manifest for seed in seeds]
        songs = [sum(entry.split == "test" for entry in manifest.entries) for manifest in found]
        heard = [heard_artists(manifest) for manifest in found]
        each = ", ".join(f"{known} of {artists}" for artists, known in heard)
        lines.append(f"split {how}: {span(songs)} test songs; test artists heard in training: {each}")
    return lines


def describe(corpus: Corpus, changes: tuple[str, ...]) -> str:
    """Return the data set and the changes of the presets in a line."""
    manifest = corpus.manifest
    text = f"{manifest.dataset}, {len(manifest)} songs, {len(manifest.labels)} labels"
    return f"{text}; {', '.join(changes)}" if changes else text


if __name__ == "__main__":
    leave(main())
