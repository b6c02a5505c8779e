"""Whether Kafka can be spoken to at all.

need_kafka()        # before anything that imports kafka-python
"""

from __future__ import annotations

from stream.packages import need


def need_kafka() -> None:
    """See that kafka-python is there.

    Raises:
        StreamError: it is not installed.
    """
    need("kafka", "Kafka", "kafka-python>=3.0.9,<3.1", "crc32c")
