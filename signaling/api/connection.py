"""/connection-test: what the page with that name asks, without signing in."""

import secrets

from signaling.api import models
from signaling.api.dispatch import demand_origin, limit
from signaling.api.route import Call, Reply
from signaling.messages import TransportCreated

PATH = "/connection-test"
TESTS_PER_MINUTE, MEASURES_PER_MINUTE = 30, 30
"""From one address, which can be a whole office's: some six tests."""


async def begin(call: Call) -> Reply:
    demand_origin(call.request)
    who = f"connection tests from {call.request.remote}"
    limit(call.services, who, TESTS_PER_MINUTE / 60, TESTS_PER_MINUTE)
    address = call.request.remote or ""
    begun = await call.services.connection_test.begin(address)
    offer = TransportCreated.model_validate(begun["transport"])
    found = models.ConnectionTest(ice_servers=begun["ice_servers"], address=address, transport=offer)
    return Reply(found, 201)


async def measure(call: Call) -> Reply:
    """So many letters of chance come back; how long those and what was sent took is the page's to tell."""
    demand_origin(call.request)
    who = f"measures of the line from {call.request.remote}"
    limit(call.services, who, MEASURES_PER_MINUTE / 60, MEASURES_PER_MINUTE)
    wanted = call.sent(models.LineMeasure).letters
    return Reply(models.LineMeasured(filler=secrets.token_urlsafe(wanted)[:wanted]))
