"""The rows of the dashboard *Taggers* that every tagger fills, whatever its source.

Page(..., rows=[health(), throughput(), latency(), losses(), resources()])

What only happens in trouble is 0 otherwise, never empty: an empty panel means that nothing was scraped.
"""

from __future__ import annotations

from docker.grafana import panels
from docker.grafana.page import STREAM, TAGGER, Row
from docker.grafana.panels import GREEN, GREY, RED, YELLOW, coloured, now, over_time

FIRING = 'ALERTS{alertstate="firing", alertname=~"Moodstream.+"}'
_RATE = "[$__rate_interval]"
_QUANTILES = (("0.5", "half"), ("0.95", "95 %"), ("0.99", "99 %"))


def quantile(share: str, name: str, by: str = "", window: str = _RATE) -> str:
    """Return a query of a quantile of a histogram of the chosen taggers, by further labels if some are named."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate(moodstream_{name}_bucket{{{TAGGER}}}{window})))"


def counted(name: str, by: str, window: str = _RATE) -> str:
    """Return a query of how much a counter of the chosen taggers rose in each step, by labels."""
    return f"sum by ({by}) (increase(moodstream_{name}_total{{{TAGGER}}}{window}))"


def health() -> Row:
    """Numbers that say at a glance whether anything is wrong."""
    trouble = panels.limits((1, RED))
    return Row(
        "At a glance",
        [
            panels.stat(
                "Taggers",
                "Taggers that answer Prometheus. Fewer than you started: look at the processes.",
                "short",
                now(f"count(moodstream_build_info{{{TAGGER}}}) or vector(0)"),
            ).thresholds(panels.limits((1, GREEN), base=RED)),
            panels.stat(
                "Alerts firing",
                "Alerts of docker/prometheus/rules that fire now. The runbook says what to do about each.",
                "short",
                now(f"count({FIRING}) or vector(0)"),
            ).thresholds(trouble),
            panels.stat(
                "Sources down",
                "Streams whose source cannot be reached now. It is tried again by itself; see the log for the reason.",
                "short",
                now(f"sum(moodstream_source_up{{{TAGGER}}} == bool 0) or vector(0)"),
            ).thresholds(trouble),
            panels.stat(
                "Wrong model files",
                "Taggers whose model file is gone, or was replaced by one that they refused: they go on with the model "
                "before it. The log says which.",
                "short",
                now(
                    f"sum(moodstream_model_file_present{{{TAGGER}}} == bool 0)"
                    f" + sum(moodstream_model_file_refused{{{TAGGER}}} == bool 1) or vector(0)"
                ),
            ).thresholds(trouble),
            panels.stat(
                "Sound lost",
                "Seconds of sound lost over the page's time, of all streams. The row of losses says why.",
                "s",
                now(f"sum(increase(moodstream_audio_dropped_seconds_total{{{TAGGER}}}[$__range])) or vector(0)"),
            ).thresholds(panels.limits((0.001, YELLOW), (60, RED))),
            panels.stat(
                "Slowest tagger",
                "How many seconds of sound the slowest tagger scores in a second of work. Below 1 it falls behind: "
                "give it a core, or add a tagger.",
                "suffix:×",
                now(f"min(moodstream_realtime_factor{{{TAGGER}}})"),
            )
            .thresholds(panels.limits((1, YELLOW), (2, GREEN), base=RED))
            .no_value("not known yet"),
            panels.stat(
                "Lag",
                "Records of Kafka that wait for the taggers. It climbs: add taggers, at most one a partition.",
                "short",
                # A partition that moves has a series of both members for a moment: it must not be counted twice.
                now(f"sum(max by (topic, partition) (moodstream_kafka_consumer_lag{{{TAGGER}}})) or vector(0)"),
            ).thresholds(panels.limits((1000, YELLOW), (10_000, RED))),
            panels.stat(
                "Dead letters",
                "Records of Kafka that could not be used, over the page's time. docs/dead-letters.md says what to do.",
                "short",
                now(f"sum(increase(moodstream_dead_letters_total{{{TAGGER}}}[$__range])) or vector(0)"),
            ).thresholds(panels.limits((1, YELLOW), (100, RED))),
        ],
    )


def throughput() -> Row:
    """How much is scored."""
    return Row(
        "Throughput",
        [
            coloured(
                panels.bars(
                    "Windows",
                    "Windows a second of the chosen taggers: scored (ok), silent, or left out because sound was lost "
                    "(gap). Gaps: see the row of losses.",
                    "suffix: /s",
                    over_time(f"sum by (status) (rate(moodstream_windows_total{{{TAGGER}}}{_RATE}))", "{{status}}"),
                ),
                {"ok": GREEN, "silence": GREY, "gap": RED},
            ),
            panels.timeseries(
                "Real-time factor",
                "Seconds of sound that each tagger scores in a second of work. Below the line it falls behind: give it "
                "a core, or add a tagger.",
                "suffix:×",
                over_time(f"moodstream_realtime_factor{{{TAGGER}}}", "{{instance}}"),
            )
            .thresholds(panels.limits((1, RED), base=RED))
            .thresholds_style(panels.dashed())
            .min(0),
            panels.timeseries(
                "Streams",
                "Streams that go on, by tagger. Uneven with Kafka: the partitions hold unequal numbers of streams.",
                "short",
                over_time(f"moodstream_streams{{{TAGGER}}}", "{{instance}}"),
            ).min(0),
            panels.timeseries(
                "Sound taken",
                "Samples a second that each tagger takes from its sources, at their own rates. 0 while streams go on: "
                "the sources give nothing.",
                "suffix: samples/s",
                over_time(f"rate(moodstream_audio_samples_total{{{TAGGER}}}{_RATE})", "{{instance}}"),
                width=12,
            ).min(0),
            panels.bars(
                "Tracks that ended",
                "By outcome: ok, gap (sound was lost in it), silence (nothing else), error (ended too early). Errors: "
                "the log names the track.",
                "short",
                over_time(counted("tracks", "outcome"), "{{outcome}}"),
                width=12,
            ),
        ],
    )


def latency() -> Row:
    """How long an answer takes, and which part of the work takes it."""
    of_windows = "sum by (le) (increase(moodstream_{}_bucket{{{}}}[$__rate_interval]))"
    return Row(
        "Latency",
        [
            panels.heat(
                "From sound to estimate",
                "Windows by the time from the capture of their last sample to their estimate being out (with Kafka: "
                "committed). A band that climbs: the taggers fall behind.",
                "s",
                of_windows.format("emission_latency_seconds", TAGGER),
            ),
            panels.timeseries(
                "From sound to estimate: quantiles",
                "So much of the windows were out within this time. Above some seconds: look at lag and real-time "
                "factor.",
                "s",
                *(over_time(quantile(share, "emission_latency_seconds"), name) for share, name in _QUANTILES),
                width=12,
                height=9,
            ).min(0),
            panels.heat(
                "Network",
                "Windows by the time that the network took for them. A second band: a core is shared, or hot.",
                "s",
                of_windows.format("inference_duration_seconds", TAGGER),
            ),
            panels.timeseries(
                "Network and features: 95 %",
                "95 % of the windows took less time than this in the network, and in resampling and mel frames. More "
                "than usual: the machine is busy with something else.",
                "s",
                over_time(quantile("0.95", "inference_duration_seconds", "instance"), "network {{instance}}"),
                over_time(quantile("0.95", "feature_duration_seconds", "instance"), "features {{instance}}"),
                width=12,
                height=9,
            ).min(0),
        ],
    )


def losses() -> Row:
    """What went wrong on the way in."""
    return Row(
        "Sources and losses",
        [
            panels.bars(
                "Sound lost",
                "Seconds of sound lost, by reason: overflow (the tagger was too slow), outage (the source was down), "
                "damage (it could not be decoded).",
                "s",
                over_time(counted("audio_dropped_seconds", "reason"), "{{reason}}"),
                width=6,
            ),
            panels.bars(
                "Overflows and restarts",
                "Times that sound was dropped because it was not taken in time, and that a source came back. "
                "Overflows: the machine is too busy. Restarts: the source or the network is unsteady.",
                "short",
                over_time(f"sum(increase(moodstream_audio_overflows_total{{{TAGGER}}}{_RATE}))", "overflows"),
                over_time(f"sum(increase(moodstream_source_restarts_total{{{TAGGER}}}{_RATE}))", "restarts"),
                width=6,
            ),
            panels.timeseries(
                "Age of the last sound",
                "Time since anything came of a stream that is up, and since it was louder than --min-rms. Both climb: "
                "the source hangs. One climbs: it sends silence.",
                "s",
                over_time(_age("audio"), "{{stream}}"),
                over_time(_age("sound"), "{{stream}}, audible"),
                width=6,
            )
            .min(0)
            .thresholds(panels.limits((60, RED)))
            .thresholds_style(panels.dashed()),
            panels.timeseries(
                "Waiting chunks",
                "Chunks of sound between source and network, by stream. It climbs: the tagger is too slow for it.",
                "short",
                over_time(f"moodstream_queue_depth{{{TAGGER}, {STREAM}}}", "{{stream}}"),
                width=6,
            ).min(0),
        ],
    )


def _age(kind: str) -> str:
    return (
        f"time() - moodstream_last_{kind}_timestamp_seconds{{{TAGGER}, {STREAM}}}"
        " and on (job, instance, stream) moodstream_source_up == 1"
    )


def resources() -> Row:
    """What the processes take."""
    return Row(
        "Resources",
        [
            panels.timeseries(
                "CPU",
                "Cores that each tagger uses. At the number that it has: it cannot take more streams.",
                "suffix: cores",
                over_time(f"rate(process_cpu_seconds_total{{{TAGGER}}}{_RATE})", "{{instance}}"),
                width=6,
            ).min(0),
            panels.timeseries(
                "Memory",
                "Resident memory of each tagger. It climbs for hours with the same streams: report it.",
                "bytes",
                over_time(f"process_resident_memory_bytes{{{TAGGER}}}", "{{instance}}"),
                width=6,
            ).min(0),
            panels.timeseries(
                "Open files",
                "Share of the file descriptors that each tagger may open. Near 100 %: raise `ulimit -n`.",
                "percentunit",
                over_time(f"process_open_fds{{{TAGGER}}} / process_max_fds{{{TAGGER}}}", "{{instance}}"),
                width=6,
            )
            .min(0)
            .max(1),
            panels.timeseries(
                "Uptime and scrape",
                "How long each tagger has run, and how long Prometheus took to ask it. A drop to 0: it was started "
                "anew. A slow scrape: lower --max-stream-labels.",
                "s",
                over_time(f"time() - process_start_time_seconds{{{TAGGER}}}", "uptime {{instance}}"),
                over_time(f"scrape_duration_seconds{{{TAGGER}}}", "scrape {{instance}}"),
                width=6,
            ).scale_distribution(panels.logarithmic()),
        ],
    )
