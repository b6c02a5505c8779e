"""The networks that a configuration can name, each with the front-end and the window that it is for.

network = build_network({"kind": "kumar_dahiya"}, {"mood": 9, "artist": 50})
frontend = network_frontend({"kind": "uai_cnrl", "segments": 4})
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from model.frontend import FrontEnd
from model.networks import kumar_dahiya, singh_biswas, uai_cnrl
from model.networks.kumar_dahiya import KumarDahiya
from model.networks.singh_biswas import SinghBiswas
from model.networks.statistics_pooling import StatisticsPooling
from model.networks.uai_cnrl import UaiCnrl

MOST_SEGMENTS = 64
"""Of a window; more would not stream."""


class ConfigurationError(Exception):
    """A configuration that cannot be used; the message is one line."""


def build_network(description: Mapping[str, Any], heads: Mapping[str, int]) -> nn.Module:
    """Return the network a configuration describes, with heads of these sizes, freshly initialised.

    Raises:
        ConfigurationError: there is no such network, or it does not take these parameters or heads.
    """
    parameters = {key: value for key, value in description.items() if key != "kind"}
    channels = parameters.get("channels", (1,))
    if not isinstance(channels, Sequence) or not channels or not all(type(c) is int and c > 0 for c in channels):
        raise ConfigurationError(f"network: channels is {channels!r}: a list of whole numbers above 0 is needed")
    try:
        return NETWORKS[_kind(description)](heads, **parameters)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigurationError(f"network: {' '.join(str(error).split())}") from error


def network_frontend(description: Mapping[str, Any]) -> FrontEnd:
    """Return the front-end of a network, with its window; raises ConfigurationError as ``build_network`` does."""
    kind = _kind(description)
    if kind == "uai_cnrl":
        segments = description.get("segments", uai_cnrl.SEGMENTS)
        if type(segments) is not int or not 1 <= segments <= MOST_SEGMENTS:
            raise ConfigurationError(
                f"network.segments is {segments!r}: a whole number of 1 to {MOST_SEGMENTS} is needed"
            )
        return dataclasses.replace(uai_cnrl.FRONTEND, patch=segments * uai_cnrl.SEGMENT)
    return {"kumar_dahiya": kumar_dahiya.FRONTEND, "singh_biswas": singh_biswas.FRONTEND}.get(kind, FrontEnd())


def _kind(description: Mapping[str, Any]) -> str:
    kind = description.get("kind")
    if not isinstance(kind, str) or kind not in NETWORKS:
        raise ConfigurationError(f"network.kind must be one of {', '.join(NETWORKS)}")
    return kind


def _uai_cnrl(heads: Mapping[str, int], **parameters: Any) -> nn.Module:
    if set(heads) != {"attention", "convolution"} or len(set(heads.values())) != 1:
        raise ValueError("uai_cnrl has the heads attention and convolution, with the same targets")
    return UaiCnrl(heads["attention"], **parameters)


NETWORKS = {
    "kumar_dahiya": KumarDahiya,
    "singh_biswas": SinghBiswas,
    "uai_cnrl": _uai_cnrl,
    "statistics_pooling": StatisticsPooling,
}
