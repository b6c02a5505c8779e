"""Errors of reading as a group's member that no waiting mends, in words that say what to do.

except FATAL as error:
    raise fatal(error, "audio.chunks") from error
"""

from __future__ import annotations

from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)

from stream.common.errors import StreamError
from stream.kafka.transaction import FencedError

_REASONS: dict[type[Exception], str] = {
    FencedInstanceIdError: "another process has this one's --group-instance-id: give each its own",
    TopicAuthorizationFailedError: "the broker does not let this user read the topic",
    GroupAuthorizationFailedError: "the broker does not let this user join the group: see --group-id",
    AuthorizationError: "the broker does not allow it",
    SaslAuthenticationFailedError: "the broker refuses the user: see --sasl-username",
    InconsistentGroupProtocolError: "the group's other members share partitions another way: see --assignment",
    InvalidSessionTimeoutError: "the broker does not allow this --session-timeout",
    UnsupportedCodecError: "the records are compressed in a way for which a Python package is missing here",
}

FATAL = tuple(_REASONS)


def fatal(error: Exception, topic: str) -> StreamError:
    """Return what to raise for one of ``FATAL``, met while reading a topic; FencedError if another took our place."""
    reason = next(text for kind, text in _REASONS.items() if isinstance(error, kind))
    kind_of = FencedError if isinstance(error, FencedInstanceIdError) else StreamError
    return kind_of(f"topic {topic} cannot be read: {reason} ({type(error).__name__})")
