"""Where Chromium is.

find_chromium()             # "/usr/bin/chromium", or None
"""

from __future__ import annotations

import shutil


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)
