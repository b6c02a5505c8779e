"""Music to moods. For programs: ``from stream import Tagger`` (docs/python.md); for people: ``python -m stream``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream.run.tagger import LiveTagger, Tagger

__all__ = ["LiveTagger", "Tagger"]


def __getattr__(name: str) -> Any:
    """Import the interface when it is asked for: a command that needs none of it starts sooner."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stream.run import tagger  # noqa: PLC0415

    return getattr(tagger, name)
