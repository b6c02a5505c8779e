"""Writes the rules as an object of the Prometheus operator, for Kubernetes.

    python -m docker.prometheus.build               # docker/kubernetes/overlays/production/prometheusrule.yaml
    python -m docker.prometheus.build FILE

Change `rules/`, run this, and commit both; a test holds them together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

_DOCKER = Path(__file__).parents[1]
FILE = _DOCKER / "kubernetes" / "overlays" / "production" / "prometheusrule.yaml"
_RULES = _DOCKER / "prometheus" / "rules"
_HEAD = "# Made of docker/prometheus/rules by `python -m docker.prometheus.build`: change those.\n"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""

    def ignore_aliases(self, data: object) -> bool:
        """Write all out."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write(path: Path) -> None:
    """Write all groups of rules, file by file, into one object."""
    groups = [group for file in sorted(_RULES.glob("*.yml")) for group in yaml.safe_load(file.read_text())["groups"]]
    content = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "moodstream"},
        "spec": {"groups": groups},
    }
    path.write_text(_HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
