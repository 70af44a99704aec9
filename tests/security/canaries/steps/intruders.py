"""Those who try what they may not, over REST and over their own connection. All of it is refused."""

import time
from typing import Any

from signaling.connection import CallFailed
from tests.security.canaries.device import Device
from tests.security.canaries.gathering import Gathering
from tests.security.canaries.marks import AGENCIES

OUTSIDERS = ("officer", "companion", "interpreter")


async def call_rest(meeting: Gathering) -> bool:
    """With the token that lets its holder join, and nothing else."""
    intruders = meeting.connected(*OUTSIDERS)
    if not intruders:
        return False
    device = meeting.chance.choice(intruders)
    method, path, body = meeting.chance.choice(_rest_calls(meeting))
    since = time.time_ns()
    status, text = await meeting.rest_as(meeting.tokens[device.who], method, path, body)
    meeting.watch.text(device.who, since, time.time_ns(), text)
    assert status in (400, 401, 403, 404, 405, 429), f"{method} {path}: {status} {text}"
    return True


def _rest_calls(meeting: Gathering) -> list[tuple[str, str, Any]]:
    one = f"/meetings/{meeting.meeting}"
    station = f"{one}/stations/{meeting.chance.choice(list(meeting.world.agency_of))}"
    someone = meeting.chance.choice(list(meeting.world.people))
    agency = f"/agencies/{meeting.chance.choice(AGENCIES)}"
    return [
        ("GET", one, None),
        ("GET", f"{one}/hearing", None),
        *(("GET", f"{agency}/{what}", None) for what in ("hearing", "grants", "keys")),
        *(("GET", f"/admin/{what}", None) for what in ("accounts", "agencies", "sessions")),
        ("GET", "/screens", None),
        ("GET", "/meetings", None),
        ("GET", "/catalogue", None),
        ("GET", "/staff/session", None),
        ("GET", f"{one}/invitations", None),
        ("PATCH", one, {"alias": "x"}),
        ("PATCH", station, {"purpose": "x"}),
        ("DELETE", one, None),
        *(("POST", f"{one}/{verb}", None) for verb in ("pause", "resume", "end")),
        *(("POST", f"{station}/{verb}", None) for verb in ("start", "finish", "skip")),
        ("POST", f"{one}/stations", {"agency": "skatteverket"}),
        ("POST", f"{one}/invitations", {"role": "host"}),
        ("POST", f"{one}/invitations", {"role": "officer", "participant": someone}),
        ("DELETE", f"/grants?participant={someone}", None),
        ("DELETE", f"/grants?meeting={meeting.meeting}", None),
        ("POST", "/token", {"code": "0" * 26}),
        ("POST", "/meetings", {"alias": "x"}),
    ]


async def call_socket(meeting: Gathering) -> bool:
    intruders = meeting.connected(*OUTSIDERS)
    if not intruders:
        return False
    device = meeting.chance.choice(intruders)
    method, params = meeting.chance.choice(_calls(meeting, device))
    try:
        await device.act(method, **params)
    except CallFailed as refusal:
        meeting.refused(refusal)
        return True
    raise AssertionError(f"{device.who} may {method} {params}")


def _calls(meeting: Gathering, device: Device) -> list[tuple[str, dict[str, Any]]]:
    """Acts that are others', and media that is others'."""
    station = meeting.chance.choice(list(meeting.world.agency_of))
    someone = meeting.chance.choice([who for who in meeting.world.people if who != device.who])
    leading: list[tuple[str, dict[str, Any]]] = [
        ("grants.list", {}),
        ("grants.revoke", {"participant": someone}),
        ("meeting.start", {"station": station}),
        ("meeting.finish", {"station": station}),
        ("meeting.skip", {"station": station}),
        ("meeting.addStation", {"agency": "skatteverket"}),
        ("meeting.moveStation", {"station": station, "position": 1}),
        ("meeting.changeStation", {"station": station, "purpose": "x"}),
        ("meeting.pause", {}),
        ("meeting.resume", {}),
        ("meeting.end", {}),
        ("meeting.admit", {"participant": someone}),
        ("meeting.remove", {"participant": someone}),
        ("meeting.exclude", {"participant": someone}),
        ("meeting.include", {"participant": someone}),
        ("meeting.invite", {"role": "officer", "participant": someone}),
        ("meeting.answerConsent", {"question": "q_" + "0" * 16, "granted": True}),
        ("meeting.revokeConsent", {"consent": next(iter(meeting.world.consents), "q_none")}),
        ("chat.send", {"text": "x", "to": someone}),
        ("meeting.nothing", {}),
        ("session.join", {"token": meeting.tokens[device.who]}),
    ]
    if _writes_alone_to(meeting, device.who, someone):
        leading = [call for call in leading if call[0] != "chat.send"]
    if meeting.world.in_lobby(device.who):
        leading += [
            ("meeting.signal", {"signal": "help"}),
            ("meeting.askConsent", {"stations": [1, station + 1]}),
        ]
    return leading + _media_calls(meeting, device)


def _writes_alone_to(meeting: Gathering, who: str, someone: str) -> bool:
    """From the lobby all goes to the host; an interpreter writes to the host and to colleagues."""
    interprets = meeting.world.people[who].role == "interpreter"
    colleague = meeting.world.people[someone].role in ("host", "interpreter")
    return meeting.world.in_lobby(who) or (interprets and colleague)


def _media_calls(meeting: Gathering, device: Device) -> list[tuple[str, dict[str, Any]]]:
    other = meeting.chance.choice([each for each in meeting.devices if each is not device])
    consumers = [id_ for id_, each in other.offered.items() if not each.closed] + [
        id_ for id_, each in device.offered.items() if each.closed
    ]
    transports = [each.offer["id"] for each in (other._send, other._receive) if each is not None]
    found: list[tuple[str, dict[str, Any]]] = []
    for id_ in transports[:2]:
        parameters = device.streams[0].parameters if device.streams else {}
        found += [
            ("media.restartIce", {"id": id_}),
            ("media.connectTransport", {"id": id_, "dtlsParameters": {"role": "client", "fingerprints": []}}),
            (
                "media.produce",
                {"transport": id_, "kind": "audio", "source": "microphone", "rtpParameters": parameters},
            ),
        ]
    for id_ in meeting.chance.sample(consumers, min(2, len(consumers))):
        found += [
            ("media.resumeConsumer", {"id": id_}),
            ("media.setPreferredLayers", {"id": id_, "spatial": 0}),
        ]
    for id_ in list(other.published)[:2]:
        found += [(f"media.{verb}Producer", {"id": id_}) for verb in ("pause", "resume", "close")]
    return found


STEPS = {
    "call REST": (6.0, call_rest),
    "call the socket": (9.0, call_socket),
}
