"""A Dockerfile, taken apart as far as the tests need it.

image = Dockerfile()                    # docker/Dockerfile
image.environment["MOODSTREAM_METRICS__PORT"], image.entrypoint, image.health_check
image.stages[-1]                        # instructions of the stage that is the image
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "docker"


class Dockerfile:
    """One file; ``instructions`` are pairs of its words and what follows."""

    def __init__(self, name: str = "Dockerfile") -> None:
        text = re.sub(r"^#.*\n", "", (_FOLDER / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.instructions = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]

    @property
    def stages(self) -> list[list[tuple[str, str]]]:
        """The instructions of each stage; what comes before the first FROM is left out."""
        found: list[list[tuple[str, str]]] = []
        for word, rest in self.instructions:
            if word == "FROM":
                found.append([])
            if found:
                found[-1].append((word, rest))
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the image."""
        pairs = [each for rest in self._last_stage("ENV") for each in shlex.split(rest)]
        return dict(each.split("=", 1) for each in pairs)

    @property
    def entrypoint(self) -> list[str]:
        """What is run, in exec form."""
        (rest,) = self._last_stage("ENTRYPOINT")
        return list(json.loads(rest))

    @property
    def command(self) -> list[str]:
        """Its arguments unless others are given, in exec form."""
        (rest,) = self._last_stage("CMD")
        return list(json.loads(rest))

    @property
    def user(self) -> str:
        """Who runs it."""
        return self._last_stage("USER")[-1]

    @property
    def health_check(self) -> list[str]:
        """The command that says whether it is well, in exec form."""
        (rest,) = self._last_stage("HEALTHCHECK")
        return list(json.loads(rest.partition("CMD ")[2]))

    @property
    def copied(self) -> set[str]:
        """Paths of the project that are copied into any stage."""
        words = [rest.split() for word, rest in self.instructions if word == "COPY"]
        return {each for one in words if not one[0].startswith("--from") for each in one[:-1]}

    def _last_stage(self, word: str) -> list[str]:
        return [rest for each, rest in self.stages[-1] if each == word]
