"""A mood has one colour wherever it is shown."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from model.contract import DEFAULT_MODEL, load
from stream.common.colours import MOOD_COLOURS, colours

STATIC = Path(__file__).parents[3] / "stream" / "web" / "static"


def oklch_hue(colour: str) -> float:
    """The hue of a colour in degrees, by Björn Ottosson's Oklab (bottosson.github.io/posts/oklab)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = ((c + 0.055) / 1.055 if c > 0.04045 else c / 12.92 for c in channels)
    red, green, blue = (c**2.4 if c > 0.09 else c for c in (red, green, blue))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return math.degrees(math.atan2(b, a)) % 360


def page_hues() -> dict[str, float]:
    known = re.search(r"KNOWN = \{(.*?)\}", (STATIC / "hues.js").read_text())
    assert known
    classes = dict(re.findall(r"(\w+): (\d+)", known[1]))
    angles = dict(re.findall(r"\.hue-(\d+) \{ --h: (\d+) \}", (STATIC / "frame.css").read_text()))
    return {mood: float(angles[number]) for mood, number in classes.items()}


def test_the_page_shows_the_hue_of_the_screen() -> None:
    assert set(page_hues()) == set(MOOD_COLOURS)
    for mood, angle in page_hues().items():
        away = abs((angle - oklch_hue(MOOD_COLOURS[mood]) + 180) % 360 - 180)
        assert away <= 35, f"{mood}: {angle} on the page, {oklch_hue(MOOD_COLOURS[mood]):.0f} on the screen"


def test_every_mood_of_the_default_model_has_a_colour_of_its_own() -> None:
    found = colours(load(DEFAULT_MODEL).info.labels)
    assert found == MOOD_COLOURS


@pytest.mark.parametrize("count", [1, 8, 50])
def test_moods_of_other_models_have_colours_too(count: int) -> None:
    found = colours([f"mood {number}" for number in range(count)])
    assert len(found) == count
    assert len(set(found.values())) == min(count, 8)
