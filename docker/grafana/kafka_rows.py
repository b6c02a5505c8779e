"""The rows of the dashboard *Taggers* that taggers of Kafka fill.

Page(..., rows=[..., group(), transactions()])
"""

from __future__ import annotations

from docker.grafana import panels
from docker.grafana.page import TAGGER, Row
from docker.grafana.panels import GREEN, GREY, RED, YELLOW, coloured, now, over_time
from docker.grafana.tagger_rows import counted, quantile

_LAG = f"max by (topic, partition) (moodstream_kafka_consumer_lag{{{TAGGER}}})"


def group() -> Row:
    """What waits, and who has it."""
    return Row(
        "Kafka: records and partitions",
        [
            panels.timeseries(
                "Lag by partition",
                "Records that are committed and not taken yet. One line climbs: a stream there sends too much. All "
                "climb: add taggers, at most one a partition.",
                "short",
                over_time(_LAG, "{{topic}} {{partition}}"),
                width=12,
            ).min(0),
            coloured(
                panels.bars(
                    "Records",
                    "Input records a second by result: ok, replayed (read again after a restart), duplicate and stale "
                    "(dropped), dead_letter (unusable).",
                    "suffix: /s",
                    over_time(
                        f"sum by (result) (rate(moodstream_kafka_records_total{{{TAGGER}}}[$__rate_interval]))",
                        "{{result}}",
                    ),
                    width=12,
                ),
                {"ok": GREEN, "replayed": GREY, "dead_letter": RED, "stale": YELLOW},
            ),
            panels.timeseries(
                "Partitions",
                "Input partitions of each tagger. 0: there are more taggers than partitions, and it stands by.",
                "short",
                over_time(f"moodstream_kafka_partitions_assigned{{{TAGGER}}}", "{{instance}}"),
                width=5,
            ).min(0),
            panels.timeseries(
                "Streams in memory",
                "Streams that each tagger holds. Near --max-streams times its partitions: add partitions.",
                "short",
                over_time(f"moodstream_kafka_streams_alive{{{TAGGER}}}", "{{instance}}"),
                width=5,
            ).min(0),
            panels.bars(
                "Rebalances",
                "Times that the group gave or took partitions. Again and again: a tagger dies, or is too slow for "
                "--max-poll-interval.",
                "short",
                over_time(counted("kafka_rebalances", "instance"), "{{instance}}"),
                width=5,
            ),
            panels.timeseries(
                "Age of the last heartbeat",
                "Time since each tagger could tell the group that it is there. It climbs: no broker answers it.",
                "s",
                over_time(f"time() - moodstream_kafka_last_heartbeat_timestamp_seconds{{{TAGGER}}}", "{{instance}}"),
                width=5,
            )
            .min(0)
            .thresholds(panels.limits((30, RED)))
            .thresholds_style(panels.dashed()),
            panels.stat(
                "Taking over a partition",
                "Mean time from a partition being given to a tagger to its streams going on, since the taggers began. "
                "Long: make the state topic compact more often.",
                "s",
                now(
                    f"sum(moodstream_kafka_restore_duration_seconds_sum{{{TAGGER}}})"
                    f" / sum(moodstream_kafka_restore_duration_seconds_count{{{TAGGER}}})"
                ),
                width=4,
                height=8,
            )
            .no_value("none yet")
            .thresholds(panels.limits((10, YELLOW), (60, RED))),
        ],
    )


def transactions() -> Row:
    """What was committed, and what could not be used."""
    return Row(
        "Kafka: transactions and dead letters",
        [
            coloured(
                panels.bars(
                    "Transactions",
                    "By outcome. Aborted ones are done again, so nothing is lost; many of them: look at the broker.",
                    "suffix: /s",
                    over_time(
                        f"sum by (outcome) (rate(moodstream_kafka_transactions_total{{{TAGGER}}}[$__rate_interval]))",
                        "{{outcome}}",
                    ),
                    width=6,
                ),
                {"committed": GREEN, "aborted": RED},
            ),
            panels.timeseries(
                "Time of a transaction",
                "Half and 95 % of the transactions were over within this time. Above a second: look at the broker's "
                "disks and network.",
                "s",
                over_time(quantile("0.5", "kafka_transaction_duration_seconds"), "half"),
                over_time(quantile("0.95", "kafka_transaction_duration_seconds"), "95 %"),
                width=6,
            ).min(0),
            panels.bars(
                "Dead letters",
                "Records that could not be used, by reason. docs/dead-letters.md says what each means, and how to send "
                "them again.",
                "short",
                over_time(counted("dead_letters", "reason"), "{{reason}}"),
                width=6,
            ),
            panels.bars(
                "Records skipped",
                "Offsets that could not be read: deleted before they were (retention), or damaged on the broker's disk "
                "(corruption). Retention: keep records longer, or add taggers.",
                "short",
                over_time(counted("kafka_skipped_records", "reason"), "{{reason}}"),
                width=6,
            ),
        ],
    )
