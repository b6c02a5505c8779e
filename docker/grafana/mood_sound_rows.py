"""The row of the dashboard *Moods* that shows the sound which the moods were heard in.

Page(..., rows=[..., sound()])
"""

from __future__ import annotations

from docker.grafana import panels
from docker.grafana.page import Row
from docker.grafana.panels import GREEN, GREY, RED, YELLOW, coloured, over_time
from docker.grafana.variables import STREAM


def sound() -> Row:
    """How loud it was, and how much of it could be scored."""
    level = panels.timeseries(
        "Level",
        "Level of each stream's last window. Below the line (--min-rms) it counts as silence: check the volume, or "
        "lower the limit.",
        "suffix: dBFS",
        over_time(f"max by (stream) (moodstream_audio_rms_dbfs{{{STREAM}}})", "{{stream}}"),
        width=10,
    )
    level.axis_soft_min(-80).max(0).thresholds(panels.limits((-60, GREY), base=GREY))
    level.thresholds_style(panels.dashed())
    coverage = panels.bars(
        "Coverage",
        "Windows of all taggers that were scored (ok), silent, or left out because sound was lost (gap). Gaps: see the "
        "dashboard of the taggers.",
        "short",
        over_time("sum by (status) (increase(moodstream_windows_total[$__rate_interval]))", "{{status}}"),
    )
    coverage.stacking(panels.stacked("percent"))
    scored = panels.stat(
        "Scored",
        "Share of the page's windows that could be scored. Low: see whether streams are silent or lose sound.",
        "percentunit",
        panels.now(
            'sum(increase(moodstream_windows_total{status="ok"}[$__range]))'
            " / sum(increase(moodstream_windows_total[$__range]))"
        ),
        height=8,
    )
    scored.thresholds(panels.limits((0.5, YELLOW), (0.9, GREEN), base=RED))
    heard = panels.stat(
        "Streams heard",
        "Chosen streams whose source is up now. Fewer than you expect: see the dashboard of the taggers.",
        "short",
        panels.now(f"count(moodstream_source_up{{{STREAM}}} == 1) or vector(0)"),
        height=8,
    )
    heard.thresholds(panels.limits((1, GREEN), base=RED))
    shown = coloured(coverage, {"ok": GREEN, "silence": GREY, "gap": RED})
    return Row("Sound", [level, shown, scored, heard])
