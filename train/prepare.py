"""Compute the mel frames of songs once, into a cache that training maps into memory.

    python -m train.prepare --music music                  # every song as it is, and three degraded versions of it
    python -m train.prepare --music music --versions 0     # only as it is: enough for a first try

    python -m train.prepare --dataset csv --annotations songs.csv --cache cache/mine           # your own songs
    python -m train.prepare --dataset emotify --annotations music --cache cache/emotify        # a known data set
    python -m train.prepare --dataset mtg-jamendo --annotations data --top-k 3 --dry-run       # needs no audio
    python -m train.prepare --dataset csv --annotations songs.csv --manifest manifest.csv      # only checked and split

With --music (the default model's data) the folder holds 4q.csv, emotify.csv, musifeast17.csv, incompetech.csv (any of
them) and the files they name. The cache gets the packs clean, degraded1…, validation_degraded, negative (sound that is
not music), and songs.json. With --dataset it gets the manifest and the features of one data set (train.features).
A killed run is continued by the same command. Broken files are skipped and listed in the cache, and make the exit
status 1 only if nothing is left.
"""

from __future__ import annotations

import argparse
import csv
import functools
import sys
import zlib
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from train.common.console import failure, needed, say, show, whole_number
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


with needed(__name__):
    import numpy as np
    from numpy.typing import NDArray

    from model.mel import melspectrogram
    from train.common.console import command_parser, say
    from train.data.audio import AudioError, read_audio
    from train.data.degrade import degrade
    from train.data.extract import computed
    from train.data.features import DEGRADED, MANIFEST, PackWriter, save_songs, to_levels
    from train.data.negatives import training_negative
    from train.data.song import Song
    from train.datasets.catalogue import read_songs

NEGATIVES = 600
Levels = NDArray[np.float16]


def song_levels(song: Song, version: int) -> Levels | str:
    """Return a song's mel levels, shape (frames, 96), or why there are none.

    Args:
        song: whose file is decoded.
        version: 0 as it is, above that the number of the degraded version.
    """
    try:
        samples = read_audio(song.path)
        if version:
            seed = zlib.crc32(song.key.encode())
            samples = degrade(samples, np.random.default_rng([seed, version]))
    except AudioError as error:
        return str(error)
    return to_levels(melspectrogram(samples))


def negative_levels(index: int) -> Levels:
    """Return the mel levels of the negative example number ``index``, shape (frames, 96)."""
    return to_levels(melspectrogram(training_negative(index)))


def prepare_songs(songs: list[Song], cache: Path, name: str, version: int, jobs: int) -> dict[str, str]:
    """Add what is missing to the pack ``name`` of one version; return the reason for each song that was skipped."""
    skipped: dict[str, str] = {}
    with PackWriter(cache / name) as pack:
        todo = [song for song in songs if song.key not in pack.done]
        for song, levels in computed(functools.partial(song_levels, version=version), todo, jobs, name):
            if isinstance(levels, str):
                skipped[song.key] = levels
            elif len(levels) < 188:
                skipped[song.key] = f"{song.path.name}: shorter than one window"
            else:
                pack.append(song.key, levels)
    return skipped


def prepare_negatives(count: int, cache: Path, jobs: int) -> None:
    """Add what is missing to the pack of sound that is not music."""
    with PackWriter(cache / "negative") as pack:
        todo = [index for index in range(count) if f"negative/{index}" not in pack.done]
        for index, levels in computed(negative_levels, todo, jobs, "negative"):
            pack.append(f"negative/{index}", levels)


def prepare(music: Path, cache: Path, versions: int, negatives: int, jobs: int) -> tuple[int, dict[str, str]]:
    """Prepare everything; return the number of usable songs and the reasons for those skipped."""
    songs = read_songs(music)
    if (cache / MANIFEST).is_file():
        raise ValueError(f"{cache} holds the songs of one data set (--dataset): take another --cache")
    cache.mkdir(parents=True, exist_ok=True)
    skipped = prepare_songs(songs, cache, "clean", 0, jobs)
    prepare_negatives(negatives, cache, jobs)
    usable = [song for song in songs if song.key not in skipped]
    save_songs(usable, cache)
    for version in range(1, versions + 1):
        prepare_songs([s for s in usable if s.split == "train"], cache, f"degraded{version}", version, jobs)
    if versions:
        # A version of its own, so that nothing in it was drawn for training.
        prepare_songs([s for s in usable if s.split != "train"], cache, DEGRADED, 1000, jobs)
    with (cache / "skipped.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("song", "reason"), *sorted(skipped.items())])
    return len(usable), skipped


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.prepare", __doc__)
    parser.add_argument("--music", type=Path, help="folder with the tables and the files they name")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder to fill (default %(default)s)")
    parser.add_argument("--versions", type=int, default=3, help="degraded versions a song (default %(default)s)")
    parser.add_argument("--negatives", type=int, default=NEGATIVES, help="examples without music (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs {options.jobs}: at least 1 is needed")
    if bool(options.music) == bool(options.dataset):
        parser.error("either --music FOLDER or --dataset NAME is needed")
    if options.dataset:
        return run(options, parser)
    without_dataset(options, parser)
    try:
        usable, skipped = prepare(options.music, options.cache, options.versions, options.negatives, options.jobs)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        say(f"train.prepare: {error}")
        return 1
    for reason in skipped.values():
        say(f"skipped: {reason}")
    say(f"{usable} songs prepared in {options.cache}, {len(skipped)} skipped")
    return 0 if usable else 1


if __name__ == "__main__":
    sys.exit(main())
