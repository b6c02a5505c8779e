"""Whether Kafka can be spoken to at all.

need_kafka()        # before anything that imports kafka-python
"""

from __future__ import annotations

import importlib.util

from stream.errors import StreamError


def need_kafka() -> None:
    """See that kafka-python is there.

    Raises:
        StreamError: it is not installed.
    """
    if importlib.util.find_spec("kafka") is None:
        raise StreamError("Kafka needs a package that is not installed: pip install 'moodstream[kafka]'")
