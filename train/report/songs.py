"""The songs that are judged: those of a split, with their scores where they have one, and why the others have none.

songs = choose(manifest, "test")                       # SongError for an empty split
outcomes = score_songs(candidate, songs, audio, journal, how)
audience = heard(songs, manifest)                      # artists, and how many of them training heard
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from train.data.extract import song_file
from train.data.manifest import SPLITS, Entry, Manifest
from train.report.candidate import Candidate
from train.report.journal import Journal
from train.report.offline import score_offline
from train.report.score import Outcome, Score
from train.report.streaming import score_streaming

Way = Literal["offline", "streaming"]


class SongError(ValueError):
    """There is nothing to judge; the message is one line."""


def choose(manifest: Manifest, split: str) -> Manifest:
    """Return the songs of a split, or ``all``.

    Raises:
        SongError: there are none.
    """
    if split == "all":
        return manifest
    found = manifest.where(np.array([entry.split == split for entry in manifest.entries], bool))
    if len(found):
        return found
    counts = {name: sum(entry.split == name for entry in manifest.entries) for name in SPLITS}
    there = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
    has = f"it has {there}" if there else "it has no splits (--split all takes every song)"
    raise SongError(f"no song of {manifest.dataset} is in the split {split}: {has}")


def score_songs(
    candidate: Candidate, songs: Sequence[Entry], audio: Path, journal: Journal, way: Way, jobs: int
) -> dict[str, Outcome]:
    """Return what came of each song, by its id; what the journal has is not done again.

    Args:
        candidate: the model.
        songs: to score.
        audio: the folder that their paths are relative to.
        journal: takes every score as it comes.
        way: offline or through the stream.
        jobs: songs side by side.

    Raises:
        CandidateError: a run that cannot be exported for the stream.
        StreamingError: the live side could not be run.
        OSError: a score cannot be written.
    """
    outcomes: dict[str, Outcome] = {song.id: journal.scores[song.id] for song in songs if song.id in journal.scores}
    waiting: dict[Path, list[str]] = {}  # several songs of a manifest may be one file
    for song in songs:
        if song.id not in outcomes:
            waiting.setdefault(song_file(song, audio), []).append(song.id)
    with tqdm(total=len(songs), initial=len(outcomes), unit="song", desc=way, disable=None if waiting else True) as bar:
        for path, outcome in _scored(candidate, list(waiting), way, jobs):
            for song_id in waiting[path]:
                outcomes[song_id] = outcome
                if isinstance(outcome, Score):
                    journal.add(song_id, outcome)
                bar.update()
    return outcomes


def _scored(candidate: Candidate, paths: list[Path], way: Way, jobs: int) -> Iterator[tuple[Path, Outcome]]:
    if not paths:
        return
    if way == "offline":
        yield from score_offline(candidate, paths, jobs)
        return
    with candidate.onnx_file() as model:
        yield from score_streaming(model, candidate, paths, jobs)


@dataclasses.dataclass(frozen=True, slots=True)
class Audience:
    """Artists of the judged songs, and what the training split of the same manifest heard of them.

    Attributes:
        artists: of the judged songs.
        heard_artists: of these, in the training split, too.
        songs_of_heard: judged songs by these.
        songs_of_unknown: judged songs whose artist is not known.
        training_songs: judged songs that are in the training split themselves.
        trained: whether the manifest has a training split at all.
    """

    artists: int
    heard_artists: int
    songs_of_heard: int
    songs_of_unknown: int
    training_songs: int
    trained: bool


def heard(judged: Sequence[Entry], manifest: Manifest) -> Audience:
    """Count what training heard of the artists of the judged songs, by the manifest's split."""
    training = [entry for entry in manifest.entries if entry.split == "train"]
    trained = {entry.artist for entry in training if entry.artist}
    artists = {entry.artist for entry in judged if entry.artist}
    return Audience(
        artists=len(artists),
        heard_artists=len(artists & trained),
        songs_of_heard=sum(entry.artist in trained for entry in judged),
        songs_of_unknown=sum(not entry.artist for entry in judged),
        training_songs=sum(entry.split == "train" for entry in judged),
        trained=bool(training),
    )
