"""Kinds of settings that name places in the network."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

_TURN = re.compile(
    r"turns?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?P<port>:\d{1,5})?(?:\?transport=(?:udp|tcp))?"
)


def _turn_url(value: str) -> str:
    match = _TURN.fullmatch(value)
    if match is None or (match["port"] and not 0 < int(match["port"][1:]) < 65536):
        raise ValueError("must be an address such as turns:turn.example.se:443?transport=tcp")
    return value


def _network(value: str) -> str:
    return str(ipaddress.ip_network(value, strict=False))


TurnUrl = Annotated[str, AfterValidator(_turn_url)]
Network = Annotated[str, AfterValidator(_network)]
