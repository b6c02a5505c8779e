"""Essentia's models on Kafka: what a topic's streams get is what their files get, window for window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import essentia_models as essentia
from tests.stream.kafka import songs, topic_io
from tests.stream.kafka.test_golden import check
from tests.stream.kafka.topic_io import TopicNames


def test_heads_of_an_embedding_model_with_shorter_windows(broker: Any, topic_names: TopicNames, tmp_path: Path) -> None:
    folder = tmp_path / "moods"
    folder.mkdir()
    essentia.body(folder, "discogs-effnet-bsdynamic-1", patch=128)
    essentia.head(folder, of="discogs-effnet-bs64-1")
    essentia.head(folder, "mood_sad", ("non_sad", "sad"), of="discogs-effnet-bs64-1", seed=4)
    topic_io.create(broker.bootstrap_servers, topic_names, partitions=1)
    library = songs.make(tmp_path, None)
    one_of_each = [next(song for song in library if song.is_rounded == kind) for kind in (False, True)]
    check(broker, topic_names, one_of_each, tmp_path, "--model", folder)
