"""/agencies/{agency}: its keys, and its officers' places in meetings; for its administrator, and admins."""

from rooms.policy import phase
from rooms.views import instant, maybe
from signaling.agency_keys import AgencyKey
from signaling.api import models
from signaling.api.route import Call, Reply
from signaling.problems import Problem
from signaling.shelf import begin


async def keys(call: Call) -> Reply:
    found = await call.services.agency_keys.of(agency_of(call))
    return Reply(models.AgencyKeys(keys=[key_shown(each) for each in found]))


async def add_key(call: Call) -> Reply:
    jwk = call.sent(models.NewAgencyKey).jwk
    return Reply(key_shown(await call.services.agency_keys.add(agency_of(call), jwk)), 201)


async def change_key(call: Call) -> Reply:
    until = call.sent(models.AgencyKeyChange).until.timestamp()
    return Reply(key_shown(await call.services.agency_keys.retire(agency_of(call), call.path["kid"], until)))


async def remove_key(call: Call) -> Reply:
    await call.services.agency_keys.remove(agency_of(call), call.path["kid"])
    await call.services.key_holders.show_out()
    return Reply(status=204)


async def grants(call: Call) -> Reply:
    """Nothing of the newcomer, nothing of other stations."""
    agency = agency_of(call)
    found = [
        models.AgencyGrant(
            meeting=state.id,
            site=state.site,
            station=person.station or 0,
            participant=person.id,
            subject=person.subject,
            name=person.name,
            phase=phase(state, person),
            present=person.present,
            since=maybe(person.present_since),
        )
        for state in sorted(call.services.hub.going_on(), key=lambda each: (begin(each), each.id))
        if state.erased_at is None
        for person in state.participants.values()
        if person.agency == agency and not person.removed
    ]
    return Reply(models.AgencyGrants(grants=found))


def agency_of(call: Call) -> str:
    """The agency in the address. Raises Problem."""
    agency = call.path["agency"]
    if agency not in call.services.catalogue.agencies:
        raise Problem(404, "agency_unknown", "there is no such agency")
    return agency


def key_shown(key: AgencyKey) -> models.AgencyKey:
    return models.AgencyKey(
        kid=key.kid,
        alg=key.algorithm,
        jwk=dict(key.jwk),
        added_at=instant(key.added_at),
        until=maybe(key.until),
    )
