"""The part of ``python -m train.prepare`` that needs annotations only: --dataset with --dry-run or --manifest.

add_arguments(parser)
status = run(parser.parse_args(), parser)
"""

from __future__ import annotations

import argparse
from pathlib import Path

from train import manifest as manifests
from train.console import say, show
from train.datasets.catalogue import MANIFESTS, read_manifest
from train.datasets.table import AnnotationError
from train.manifest import Manifest
from train.splits import HOW, default_how, split
from train.survey import Survey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which songs and labels of which data set."""
    group = parser.add_argument_group("one data set by name")
    group.add_argument("--dataset", choices=list(MANIFESTS), help="whose annotations --annotations are")
    group.add_argument("--annotations", type=Path, help="its table, or the folder with its tables")
    wanted = group.add_mutually_exclusive_group()
    wanted.add_argument("--top-k", type=int, metavar="K", help="the K most frequent labels, and the songs with any")
    wanted.add_argument(
        "--tags", metavar="A,B|FILE", help="these labels (a file has one a line), and the songs with any"
    )
    group.add_argument("--keep-all", action="store_true", help="with --top-k or --tags: songs with none of them, too")
    group.add_argument(
        "--split",
        choices=HOW,
        help="no artist in two splits, by song as the papers have it, or the data set's own\n"
        "(default artist; given for a csv with a split for every song, and for data of one composer)",
    )
    group.add_argument("--seed", type=int, default=0, help="of the split (default %(default)s)")
    group.add_argument("--manifest", type=Path, metavar="CSV", help="write the songs, labels and split here")
    group.add_argument("--dry-run", action="store_true", help="only show songs, labels, artists, years, splits")
    group.add_argument("--json", action="store_true", help="with --dry-run: for programs")


def without_dataset(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with a usage error if an option stands there that --dataset alone gives a sense."""
    for flag in ("annotations", "top_k", "tags", "keep_all", "split", "seed", "manifest", "dry_run", "json"):
        if getattr(options, flag) != parser.get_default(flag):
            parser.error(f"--{flag.replace('_', '-')} goes with --dataset")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Read, select, split and show the songs; return the exit status."""
    if not options.annotations:
        parser.error("--dataset needs --annotations FILE or FOLDER")
    if not (options.dry_run or options.manifest):
        parser.error("--dataset goes with --dry-run or --manifest CSV")
    try:
        manifest = _selected(options)
        how = options.split or default_how(manifest, own=options.dataset == "csv")
        manifest = split(manifest, how, options.seed)
        survey = Survey.of(manifest, how, options.seed)
        if options.manifest and not options.dry_run:
            manifests.write(manifest, options.manifest)
    except OSError as error:
        say(f"train.prepare: {error.filename}: {error.strerror}")
        return 1
    except AnnotationError as error:
        say(f"train.prepare: {error}")
        return 1
    show(survey.json() if options.json else survey.text())
    for remark in survey.remarks:
        say(f"note: {remark}")
    return 0


def _selected(options: argparse.Namespace) -> Manifest:
    manifest = read_manifest(options.dataset, options.annotations)
    if options.top_k is not None:
        return manifest.select(manifest.top(options.top_k), options.keep_all)
    if options.tags is not None:
        return manifest.select(_names(options.tags), options.keep_all)
    return manifest


def _names(text: str) -> list[str]:
    """Return the labels that ``--tags`` names; a file of MTG-Jamendo's has a category before each."""
    path = Path(text)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else text.split(",")
    names = [line.rpartition("---")[2].strip() for line in lines]
    if not any(names):
        raise AnnotationError(f"--tags {text} names no label")
    return list(dict.fromkeys(name for name in names if name))
