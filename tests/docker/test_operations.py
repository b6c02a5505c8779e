"""The operations guide names what there is: pages and their headings, files, ports, images."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docker.compose import Compose
from tests.docker.kustomize import OVERLAYS, render

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operations.md").read_text()


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", GUIDE)
    assert links
    for link in links:
        page, _, heading = link.partition("#")
        text = (ROOT / "docs" / page).read_text()
        headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
        assert not heading or heading in {_anchor(each) for each in headings}, link


def test_the_files_it_names_are_there() -> None:
    named = set(re.findall(r"\b(?:docker|tests|requirements|config)/[\w./-]*\w", GUIDE))
    assert len(named) > 4
    assert {each for each in named if not (ROOT / each).exists()} == set()


def test_its_ports_are_those_of_the_compose_file() -> None:
    compose = Compose()
    published = {outside for name in compose.services for _, outside, _ in compose.ports(name)}
    (row,) = re.findall(r"^\| compose \| 127\.0\.0\.1: ([\d, ]+) \|", GUIDE, flags=re.MULTILINE)
    assert {int(each) for each in row.split(",")} == published


def test_its_figures_are_those_of_the_manifests() -> None:
    for folder in OVERLAYS.iterdir():
        objects = {each["kind"]: each for each in render(folder)}
        grace = objects["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert f"`terminationGracePeriodSeconds` is {grace}" in GUIDE
        if "ScaledObject" in objects:
            (trigger,) = objects["ScaledObject"]["spec"]["triggers"]
            assert f"one tagger for each {trigger['metadata']['lagThreshold']} records" in GUIDE


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
