"""Names of raw sample formats, as ffmpeg has them: what settings accept and standard input decodes.

if name not in RAW_FORMATS: raise UsageError(...)
"""

from __future__ import annotations

RAW_FORMATS = (
    "u8",
    "s8",
    *(f"{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be")),
)
"""Unsigned, signed and floating, with their bits, little- and big-endian."""
