"""``python -m train.prepare --dataset``: one data set by name, or a user's own table, to a manifest and features.

add_arguments(parser)
status = run(parser.parse_args(), parser)
"""

from __future__ import annotations

import argparse
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from train.common.console import failure, say, show, whole_number
from train.common.lock import LockedError
from train.data import manifest as manifests
from train.data.extract import FRONTENDS, Source, extract
from train.data.features import FeatureError, Shard, read_skipped
from train.data.manifest import Manifest
from train.data.song import NEGATIVE
from train.data.splits import HOW, Survey, default_how, split
from train.data.table import AnnotationError
from train.datasets.catalogue import MANIFESTS, read_manifest

SKIPPED_SHOWN = 20
"""Skipped songs that are said; all of them stand in a file."""


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
        "(default artist, random where fewer than three are known; given for a csv with a split for every song,\n"
        "and for data of one composer)",
    )
    group.add_argument("--seed", type=whole_number, default=0, help="of the split (default %(default)s)")
    group.add_argument(
        "--manifest", type=Path, metavar="FILE", help="only write the songs, labels and split here: .csv or .parquet"
    )
    group.add_argument("--audio", type=Path, metavar="DIR", help="folder of the audio (default: that of the table)")
    group.add_argument(
        "--frontend", choices=list(FRONTENDS), default="moodstream", help="of the frames (default %(default)s)"
    )
    group.add_argument(
        "--shard", type=_shard, default=Shard(), metavar="I/N", help="only the I-th of N parts, for several machines"
    )
    group.add_argument("--dry-run", action="store_true", help="only show songs, labels, artists, years, splits")
    group.add_argument("--json", action="store_true", help="with --dry-run: for programs")


def without_dataset(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with a usage error if an option stands there that --dataset alone gives a sense."""
    for flag in ("annotations", "top_k", "tags", "keep_all", "split", "seed", "manifest", "dry_run", "json",
                 "audio", "frontend", "shard"):  # fmt: skip
        if getattr(options, flag) != parser.get_default(flag):
            parser.error(f"--{flag.replace('_', '-')} goes with --dataset")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Read, select, split and show the songs; return the exit status."""
    if not options.annotations:
        parser.error("--dataset needs --annotations FILE or FOLDER")
    try:
        manifest = _selected(options)
        how = options.split or default_how(manifest, own=options.dataset == "csv")
        manifest = split(manifest, how, options.seed)
        survey = Survey.of(manifest, how, options.seed)
        if options.manifest and not options.dry_run:
            manifests.write(manifest, options.manifest)
    except OSError as error:
        say(f"train.prepare: {failure(error, options.manifest or options.annotations)}")
        return 1
    except AnnotationError as error:
        say(f"train.prepare: {error}")
        return 1
    show(survey.json() if options.json else survey.text())
    for remark in survey.remarks:
        say(f"note: {remark}")
    return 0 if options.dry_run or options.manifest else _prepare(manifest, how, options)


def _prepare(manifest: Manifest, how: str, options: argparse.Namespace) -> int:
    """Compute the features of one shard; return the exit status."""
    audio = options.audio or (options.annotations if options.annotations.is_dir() else options.annotations.parent)
    try:
        source = Source(audio, FRONTENDS[options.frontend], how, options.seed)
        found = extract(manifest, source, options.cache, options.shard, options.jobs)
    except (FeatureError, LockedError) as error:
        say(f"train.prepare: {error}")
        return 1
    except OSError as error:
        say(f"train.prepare: {failure(error, options.cache)}; the same command continues")
        return 1
    except BrokenProcessPool:
        say("train.prepare: a process was killed (out of memory?): the same command continues, perhaps with --jobs 1")
        return 1
    except KeyboardInterrupt:
        say("train.prepare: interrupted; the same command continues")
        return 130
    skipped = read_skipped(options.cache / options.shard.skipped)
    for song, reason in skipped[:SKIPPED_SHOWN]:
        say(f"skipped: {song}: {reason}")
    if len(skipped) > SKIPPED_SHOWN:
        say(f"skipped: {len(skipped) - SKIPPED_SHOWN} more, see {options.cache / options.shard.skipped}")
    kept = f"; {found.kept} were there already" if found.kept else ""
    changed = f"; {found.changed} computed again, as their files are others now" if found.changed else ""
    say(f"{found.usable} songs prepared in {options.cache}, {len(skipped)} skipped{kept}{changed}")
    return 0 if found.usable else 1


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _selected(options: argparse.Namespace) -> Manifest:
    manifest = read_manifest(options.dataset, options.annotations)
    if manifest.dataset == NEGATIVE:
        raise AnnotationError(f"{options.annotations}: {NEGATIVE!r} means sound without music here: rename the table")
    if options.top_k is not None:
        return manifest.select(manifest.top(options.top_k), options.keep_all)
    if options.tags is not None:
        return manifest.select(_names(options.tags), options.keep_all)
    return manifest


def _names(text: str) -> list[str]:
    """Return the labels that ``--tags`` names; a file of MTG-Jamendo's has a category before each."""
    path = Path(text)
    if path.suffix == ".txt" and not path.is_file():
        raise AnnotationError(f"--tags {text}: no such file (MTG-Jamendo's lie in its data/tags)")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else text.split(",")
    names = [line.rpartition("---")[2].strip() for line in lines]
    if not any(names):
        raise AnnotationError(f"--tags {text} names no label")
    return list(dict.fromkeys(name for name in names if name))
