"""/admin: agencies and their keys, the accounts of staff, who is signed in. Nothing of any meeting."""

from rooms.views import instant
from signaling import cookies, problems
from signaling.accounts import SUBJECT, AccountLink, Listed
from signaling.api import models
from signaling.api.agencies import key_shown
from signaling.api.route import Call, Reply
from signaling.departures import dismissed, signed_out
from signaling.problems import Problem
from signaling.staff import COOKIE, Person, session_id


async def agencies(call: Call) -> Reply:
    kept = [
        models.KeptAgency(
            id=agency.id,
            name=dict(agency.name),
            keys=[key_shown(each) for each in await call.services.agency_keys.of(agency.id)],
        )
        for agency in call.services.catalogue.agencies.values()
    ]
    return Reply(models.KeptAgencies(agencies=kept))


async def accounts(call: Call) -> Reply:
    found = await call.services.accounts.all()
    return Reply(models.Accounts(accounts=[_account(call, each) for each in found]))


async def invite(call: Call) -> Reply:
    new = call.sent(models.NewAccount)
    catalogue = call.services.catalogue
    if any(site not in catalogue.sites for site in new.sites):
        raise problems.wrong("/sites", "there is no such site")
    if new.agency is not None and new.agency not in catalogue.agencies:
        raise problems.wrong("/agency", "there is no such agency")
    person = Person(SUBJECT + new.login, new.name.strip(), new.role, tuple(new.sites), new.agency)
    account, link = await call.services.accounts.invite(new.login, person)
    return await _invited(call, account, link)


async def renew(call: Call) -> Reply:
    """Whoever is signed in with the old ones is signed out, and leads and interprets no meeting."""
    account = call.path["account"]
    link = await call.services.accounts.renew(account)
    return await _invited(call, account, link, renewed=True)


async def lock(call: Call) -> Reply:
    account, locked = call.path["account"], call.sent(models.AccountChange).locked
    changed = await call.services.accounts.lock(account, locked)
    if locked:
        await dismissed(call.services, changed.person.sub)
    return Reply(_account(call, await call.services.accounts.listed(account)))


async def remove(call: Call) -> Reply:
    found = (await call.services.accounts.listed(call.path["account"])).account
    await call.services.accounts.remove(found.login)
    await dismissed(call.services, found.person.sub, for_good=True)
    return Reply(status=204)


async def sessions(call: Call) -> Reply:
    secret = cookies.read(call.request, COOKIE)
    here = None if secret is None else session_id(secret)
    found = [
        models.Session.model_validate(
            {
                "id": each.id,
                "name": each.person.name,
                "role": each.person.role,
                "sites": list(each.person.sites),
                "agency": each.person.agency,
                "by": each.by,
                "began_at": instant(each.began_at),
                "expires_at": instant(each.expires_at),
                "here": each.id == here,
            }
        )
        for each in await call.services.staff.everybody()
    ]
    return Reply(models.Sessions(sessions=found))


async def end_session(call: Call) -> Reply:
    wanted = call.path["session"]
    found = [each for each in await call.services.staff.everybody() if each.id == wanted]
    if not found or not await call.services.staff.end_session(wanted):
        raise Problem(404, "session_unknown", "there is no such session")
    await signed_out(call.services, found[0].person.sub)
    return Reply(status=204)


async def _invited(call: Call, account: str, link: AccountLink, *, renewed: bool = False) -> Reply:
    listed = await call.services.accounts.listed(account)
    if renewed:
        await dismissed(call.services, listed.account.person.sub)
    made = models.AccountInvitation(
        account=_account(call, listed),
        url=f"{call.services.settings.public_url}/u/{link.code}",
        expires_at=instant(link.expires_at),
    )
    return Reply(made, 201)


def _account(call: Call, listed: Listed) -> models.Account:
    account = listed.account
    return models.Account.model_validate(
        {
            "id": listed.id,
            "login": account.login,
            "name": account.person.name,
            "role": account.person.role,
            "sites": list(account.person.sites),
            "agency": account.person.agency,
            "taken_up": account.password is not None,
            "locked": account.locked,
            "waits_until": instant(call.services.clock() + listed.waits) if listed.waits else None,
        }
    )
