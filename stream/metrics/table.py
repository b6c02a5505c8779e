"""Every metric the live side keeps: its name, type, labels, unit and meaning, in one place.

for definition in DEFINITIONS: ...      # what `Metrics` keeps, whatever the source
for definition in KAFKA_DEFINITIONS: ...  # what `KafkaMetrics` adds
for definition in MODEL_DEFINITIONS + SHADOW_DEFINITIONS: ...  # what `ModelMetrics` and `ShadowMetrics` add

For people the same is docs/metrics.md, which `python -m docs.generate` writes.
"""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """A metric: its name without the prefix and suffix, what it counts or measures, and in which unit."""

    name: str
    type: Literal["counter", "gauge", "histogram", "info"]
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """Return the name a query uses."""
        suffix = {"counter": "_total", "info": "_info"}.get(self.type, "")
        return f"moodstream_{self.name}{suffix}"


DEFINITIONS = (
    Definition("audio_samples", "counter", "Sound taken from the sources, at each one's own rate.", "samples"),
    Definition("audio_overflows", "counter", "Times that a source dropped sound because it was not taken in time.", ""),
    Definition(
        "audio_dropped_seconds",
        "counter",
        "Sound lost, by reason: overflow (not taken in time), outage (the source was down), damage (undecodable).",
        "seconds",
        ("reason",),
    ),
    Definition("source_restarts", "counter", "Times that a source came back after it was down.", ""),
    Definition(
        "windows", "counter", "Windows by status: ok (scored), silence or gap (left out of the mean).", "", ("status",)
    ),
    Definition(
        "tracks",
        "counter",
        "Tracks that ended, by outcome: ok, gap (sound was lost in it), silence (nothing else), error (ended too "
        "early).",
        "",
        ("outcome",),
    ),
    Definition(
        "feature_duration_seconds",
        "histogram",
        "Time spent on downmix, resampling and mel frames for a window.",
        "seconds",
        (),
        (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    ),
    Definition(
        "inference_duration_seconds",
        "histogram",
        "Time the network took for a window.",
        "seconds",
        (),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    ),
    Definition(
        "emission_latency_seconds",
        "histogram",
        "Time from the capture of a window's last sample to its estimate being out (with Kafka: committed).",
        "seconds",
        (),
        # Through Kafka, a tagger that was away for minutes answers that late.
        (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    ),
    Definition(
        "mood_probability", "gauge", "Running average of a mood over the track.", "ratio 0-1", ("stream", "mood")
    ),
    Definition(
        "mood_window_probability", "gauge", "Probability of a mood in the last window.", "ratio 0-1", ("stream", "mood")
    ),
    Definition(
        "mood_active",
        "gauge",
        "1 from a mood's beginning to its end by --threshold and --threshold-off, then 0; absent before its first.",
        "",
        ("stream", "mood"),
    ),
    Definition(
        "audio_rms_dbfs",
        "gauge",
        "Level of the last window in dB re full scale; digital silence is -120.",
        "dBFS",
        ("stream",),
    ),
    Definition(
        "last_audio_timestamp_seconds",
        "gauge",
        "When sound last came from the stream.",
        "seconds since the epoch",
        ("stream",),
    ),
    Definition(
        "last_sound_timestamp_seconds",
        "gauge",
        "When sound louder than --min-rms last came; at first, when the stream began.",
        "seconds since the epoch",
        ("stream",),
    ),
    Definition(
        "source_up",
        "gauge",
        "1 while sound can flow, 0 while the source is down (for other: 0 if any of them is down), absent when the "
        "stream has ended.",
        "",
        ("stream",),
    ),
    Definition(
        "realtime_factor",
        "gauge",
        "Seconds of sound that a second of work scores; below 1, live sound is lost.",
        "ratio",
    ),
    Definition("queue_depth", "gauge", "Chunks waiting between source and session.", "chunks", ("stream",)),
    Definition("streams", "gauge", "Streams that go on, those without a label of their own included.", "streams"),
    Definition("model", "info", "The model that scores.", "", ("name", "version", "sha256")),
    Definition("build", "info", "The program that runs.", "", ("version",)),
)

KAFKA_DEFINITIONS = (
    Definition(
        "kafka_records",
        "counter",
        "Input records by result: ok (taken into a session), duplicate (its number was seen before), stale (of a "
        "session that a newer one of its stream replaced), dead_letter (unusable), replayed (taken before, read again "
        "to fill the buffers).",
        "records",
        ("result",),
    ),
    Definition(
        "kafka_skipped_records",
        "counter",
        "Offsets that could not be read: retention (deleted before they were read), corruption (damaged at rest).",
        "offsets",
        ("reason",),
    ),
    Definition(
        "dead_letters", "counter", "Records put among the dead letters, by what is wrong.", "records", ("reason",)
    ),
    Definition("kafka_rebalances", "counter", "Times that the group gave or took partitions.", ""),
    Definition(
        "kafka_consumer_lag",
        "gauge",
        "Records of a partition that are committed and not taken yet.",
        "records",
        ("topic", "partition"),
    ),
    Definition(
        "kafka_transactions",
        "counter",
        "Transactions by outcome: committed, aborted (or nobody knows: all is read again).",
        "",
        ("outcome",),
    ),
    Definition(
        "kafka_transaction_duration_seconds",
        "histogram",
        "Time from a batch being sent to its transaction being over, whatever its outcome.",
        "seconds",
        (),
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    ),
    Definition(
        "kafka_restore_duration_seconds",
        "histogram",
        "Time from a partition being given to its streams going on where they stood.",
        "seconds",
        (),
        (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    ),
    Definition(
        "kafka_last_heartbeat_timestamp_seconds",
        "gauge",
        "When this process last told the group that it is there; while no broker answers, it cannot.",
        "seconds since the epoch",
    ),
    Definition("kafka_streams_alive", "gauge", "Streams held in memory now.", "streams"),
    Definition("kafka_partitions_assigned", "gauge", "Input partitions that this process has now.", "partitions"),
)

MODEL_DEFINITIONS = (
    Definition(
        "model_swaps",
        "counter",
        "New model files by result: taken (it scores from each stream's next window on), refused (the model before it "
        "goes on; the log says why).",
        "",
        ("result",),
    ),
    Definition(
        "model_taken_timestamp_seconds",
        "gauge",
        "When the model that scores was taken: at the start, or when its file was replaced.",
        "seconds since the epoch",
    ),
    Definition(
        "model_file_present",
        "gauge",
        "1 while the model's file is there, 0 while it is not: the process goes on, and could not start again.",
    ),
    Definition(
        "model_file_refused",
        "gauge",
        "1 while the file in the model's place is one that was refused, 0 while it is not; the log says why.",
    ),
)

SHADOW_DEFINITIONS = (
    Definition(
        "shadow_model", "info", "The model that scores beside (--shadow-model).", "", ("name", "version", "sha256")
    ),
    Definition(
        "shadow_windows",
        "counter",
        "Windows by what became of them with the shadow model: scored, failed, skipped (it was too slow for them).",
        "windows",
        ("result",),
    ),
    Definition(
        "shadow_inference_duration_seconds",
        "histogram",
        "Time the shadow's network took for a window.",
        "seconds",
        (),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    ),
    Definition(
        "shadow_mood_difference",
        "histogram",
        "How far the two models are apart on a mood that both know: absolute difference of the window's probabilities.",
        "ratio 0-1",
        ("mood",),
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    ),
    Definition(
        "shadow_leading_moods",
        "counter",
        "Windows by whether both models put the same of their common moods first: same, different.",
        "windows",
        ("agreement",),
    ),
)

ALL_DEFINITIONS = DEFINITIONS + KAFKA_DEFINITIONS + MODEL_DEFINITIONS + SHADOW_DEFINITIONS
"""All that a process may expose."""
