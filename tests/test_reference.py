"""The reference pages are what the code says, and every link of the guides leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import PAGES

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run python -m docs.generate"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.relative_to(ROOT).as_posix())
def test_the_links_of_a_guide_lead_somewhere(guide: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", guide.read_text()):
        page, _, heading = link.partition("#")
        if "://" in link:
            continue
        target = (guide.parent / page) if page else guide
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, link
