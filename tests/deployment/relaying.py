"""Asks a relay for what is on its command line, and prints what it says as JSON; runs in the office."""

import asyncio
import json
import ssl
import sys
from typing import Any

from aioice import stun, turn

WITHIN = 10.0


async def ask(host: str, username: str, password: str, peers: list[str]) -> dict[str, Any]:
    """What each way answers: an error, or for each peer whether it may be reached."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    said: dict[str, Any] = {}
    for name, port, transport, tls in (
        ("udp", 3478, "udp", None),
        ("tcp", 3478, "tcp", None),
        ("tls", 443, "tcp", anybody),
    ):
        try:
            async with asyncio.timeout(WITHIN):
                relay, _ = await turn.create_turn_endpoint(
                    asyncio.DatagramProtocol, (host, port), username, password, transport=transport, ssl=tls
                )
                said[name] = {peer: await _permission(relay, peer) for peer in peers}
                relay.close()
        except stun.TransactionFailed as error:
            said[name] = error.response.attributes["ERROR-CODE"][0]
    return said


async def _permission(relay: Any, peer: str) -> int:
    request = stun.Message(message_method=stun.Method.CREATE_PERMISSION, message_class=stun.Class.REQUEST)
    request.attributes["XOR-PEER-ADDRESS"] = (peer, 9)
    client = relay._TurnTransport__inner_protocol
    try:
        await client.request_with_retry(request)
    except stun.TransactionFailed as error:
        code: int = error.response.attributes["ERROR-CODE"][0]
        return code
    return 200


if __name__ == "__main__":
    host, username, password, *peers = sys.argv[1:]
    print(json.dumps(asyncio.run(ask(host, username, password, peers))))
