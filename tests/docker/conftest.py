"""The broker that a pod is stopped beside; the dashboards have one of their own."""

from __future__ import annotations

from tests.stream.kafka.shared import broker

__all__ = ["broker"]
