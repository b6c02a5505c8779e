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

import csv
import functools
import sys
import zlib
from pathlib import Path

from train.common.console import needed

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
    from train.datasets import annotations
    from train.datasets.catalogue import read_songs

NEGATIVES = 600
Levels = NDArray[np.float16]


def song_levels(song: Song, version: int) -> Levels:
    """Return a song's mel levels, shape (frames, 96).

    Args:
        song: whose file is decoded.
        version: 0 as it is, above that the number of the degraded version.

    Raises:
        AudioError: the file cannot be decoded, or the version not be made of it.
    """
    samples = read_audio(song.path)
    if version:
        seed = zlib.crc32(song.key.encode())
        samples = degrade(samples, np.random.default_rng([seed, version]))
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
            if isinstance(levels, AudioError):
                skipped[song.key] = str(levels)
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
    annotations.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs {options.jobs}: at least 1 is needed")
    if bool(options.music) == bool(options.dataset):
        parser.error("either --music FOLDER or --dataset NAME is needed")
    if options.dataset:
        return annotations.run(options, parser)
    annotations.without_dataset(options, parser)
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
