"""What each call of the WebSocket does. The table at the end is the whole of it."""

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from config.catalogue import Agency
from media.client import WorkerClient
from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms import pool_commands as pcmd
from rooms.drafts import Draft, Edit
from rooms.errors import Reason, Rejected
from rooms.interpreting_events import Mode, Relay
from rooms.mixes import Choice, Preference
from rooms.people import Place
from rooms.policy import Action, may, may_publish
from rooms.views import Transcript, instant, maybe, transcript
from signaling import messages as msg
from signaling.errors import ServiceError
from signaling.exchange import Exchange, Link
from signaling.idempotency import once
from signaling.let_in import LetIn
from signaling.quality import Report

if TYPE_CHECKING:
    from signaling.socket import Joined

Result = dict[str, Any]
Handler = Callable[["Joined", Any], Awaitable[Result]]

NOTHING: Result = {}
_TRANSCRIPT = TypeAdapter(Transcript)


async def leave(device: "Joined", params: msg.Call) -> Result:
    await device.live.leave(device.session)
    device.session.close("left", "goodbye")
    await device.hub.sessions.close(device.session.id, "closed")
    return NOTHING


async def ping(device: "Joined", params: msg.Call) -> Result:
    """A sign of life for a page, which does not see the connection's own."""
    return NOTHING


async def create_transport(device: "Joined", params: msg.CreateTransport) -> Result:
    created: Result = await device.live.change_media(
        lambda: device.live.exchange.create_transport(
            device.session, params.direction, params.rtpCapabilities
        )
    )
    return created


async def connect_transport(device: "Joined", params: msg.ConnectTransport) -> Result:
    transport = device.live.exchange.own_transport(device.session, params.id)
    await device.live.exchange.worker.call(
        lambda worker: worker.connect_transport(transport, params.dtlsParameters)
    )
    return NOTHING


async def restart_ice(device: "Joined", params: msg.ById) -> Result:
    transport = device.live.exchange.own_transport(device.session, params.id)
    return {
        "iceParameters": await device.live.exchange.worker.call(lambda worker: worker.restart_ice(transport))
    }


async def ice_servers(device: "Joined", params: msg.Call) -> Result:
    """Before a path is made anew: what was given at the start is good for a short while only."""
    return {"ice_servers": device.turn.servers(device.participant)}


async def produce(device: "Joined", params: msg.Produce) -> Result:
    state = device.live.current
    if not may_publish(state, state.participants[device.participant], params.source):
        raise ServiceError("not_allowed", f"{params.source} is not open to you")
    if (params.kind == "audio") != (params.source in ("microphone", "interpretation")):
        raise ServiceError("invalid_params", f"{params.source} cannot be {params.kind}")
    producer = await device.live.change_media(
        lambda: device.live.exchange.produce(
            device.session, params.transport, params.kind, params.source, params.rtpParameters
        )
    )
    return {"id": producer}


async def close_producer(device: "Joined", params: msg.ById) -> Result:
    await device.live.change_media(lambda: device.live.exchange.close_producer(device.session, params.id))
    return NOTHING


async def restart_consumer(device: "Joined", params: msg.ById) -> Result:
    consumer = device.live.exchange.own_consumer(device.session, params.id)
    await device.live.change_media(lambda: device.live.exchange.restart_consumer(device.session.id, consumer))
    return NOTHING


async def report(device: "Joined", params: msg.MediaReport) -> Result:
    device.session.report = Report(params.freezes, params.concealed)
    return NOTHING


async def set_preferred_layers(device: "Joined", params: msg.SetPreferredLayers) -> Result:
    consumer = device.live.exchange.own_consumer(device.session, params.id)
    await device.live.exchange.worker.call(
        lambda worker: worker.set_preferred_layers(
            consumer, params.spatial, params.temporal, first=params.first
        )
    )
    return NOTHING


async def choose_mix(device: "Joined", params: msg.ChooseMix) -> Result:
    await device.live.choose_mix(device.session, Choice(Preference(params.preference), params.under))
    return NOTHING


async def invite(device: "Joined", params: msg.Invite) -> Result:
    state = device.live.current
    if not may(state, device.participant, Action.INVITE):
        raise ServiceError("not_allowed", f"{Action.INVITE} is not open to you now")
    made = await device.invitations.create(
        meeting=state.id,
        actor=device.participant,
        role=params.role,
        agency=params.agency,
        station=params.station,
        name=params.name,
        language=params.language,
        kind=params.kind,
        participant=params.participant,
        seed=device.seed,
    )
    invited = msg.Invited(
        id=made.id,
        participant=made.participant,
        code=made.code,
        url=made.url,
        expires_at=instant(made.expires_at),
    )
    return invited.model_dump(mode="json")


async def agencies(device: "Joined", params: msg.Call) -> Result:
    """What `meeting.addStation` has to choose from."""
    if not may(device.live.current, device.participant, Action.ADD_STATION):
        raise ServiceError("not_allowed", f"{Action.ADD_STATION} is not open to you now")
    choices = []
    for one in device.catalogue.agencies.values():
        purposes = [msg.Purpose(id=each.id, text=each.text) for each in one.purposes]
        choices.append(msg.Choice(id=one.id, name=one.name, purposes=purposes))
    return msg.Agencies(agencies=choices).model_dump(mode="json")


async def add_station(device: "Joined", params: msg.AddStation) -> Result:
    """An agency of the catalogue, as over REST; a purpose can be named by its id."""
    if not may(device.live.current, device.participant, Action.ADD_STATION):
        raise ServiceError("not_allowed", f"{Action.ADD_STATION} is not open to you now")
    agency = device.catalogue.agencies.get(params.agency)
    if agency is None:
        raise Rejected(Reason.INVALID, "there is no such agency")
    command = cmd.AddStation(
        actor=device.participant,
        agency=agency.id,
        purpose=params.purpose,
        minutes=params.minutes,
        break_after=params.break_after,
    )
    await device.live.execute(once(command, device.seed))
    return NOTHING


async def type_text(device: "Joined", params: msg.TypeText) -> Result:
    state = device.live.current
    language = params.language or state.participants[device.participant].language
    edit = Edit(params.line, params.revision, params.keep, params.add, language, params.corrects)
    device.live.type_text(device.session, edit)
    return NOTHING


async def finish_line(device: "Joined", params: msg.FinishLine) -> Result:
    known = next((line for line in device.live.current.lines if line.id == params.line), None)
    if known is not None and known.sender == device.participant:
        return NOTHING

    def write(draft: Draft) -> cmd.WriteLine:
        return cmd.WriteLine(
            actor=device.participant,
            line=params.line,
            text=params.text,
            language=draft.language,
            scene=draft.scene,
            heard_by=draft.heard_by,
            corrects=draft.corrects,
        )

    await device.live.finish_line(device.session, params.line, write)
    return NOTHING


async def drafts(device: "Joined", params: msg.Call) -> Result:
    return {"drafts": device.live.drafts(device.session)}


async def read_transcript(device: "Joined", params: msg.ReadTranscript) -> Result:
    read = transcript(device.live.current, device.participant, params.before)
    told: Result = _TRANSCRIPT.dump_python(read, mode="json")
    return told


async def grants(device: "Joined", params: msg.Call) -> Result:
    """Who is let in to this meeting."""
    found = await device.entrances.of(device.live.id, device.participant)
    shown = [_let_in(each, device.catalogue.agencies.get(each.person.agency or "")) for each in found]
    return msg.Grants(grants=shown).model_dump(mode="json")


def _let_in(entry: LetIn, agency: Agency | None) -> msg.LetIn:
    person = entry.person
    return msg.LetIn(
        participant=person.id,
        role=person.role,
        name=person.name,
        agency=person.agency,
        agency_name={} if agency is None else dict(agency.name),
        station=person.station,
        phase=entry.phase,
        by=list(entry.by),
        until=maybe(entry.until),
        devices=list(entry.devices),
        revocable=entry.revocable,
    )


async def revoke_grant(device: "Joined", params: msg.ByParticipant) -> Result:
    await device.entrances.take_back(device.live.id, device.participant, params.participant)
    return NOTHING


def told(
    own: Callable[[Exchange, Link, str], str], tell: Callable[[WorkerClient, str], Awaitable[None]]
) -> Handler:
    """What the worker is told of something of one's own."""

    async def carry_out(device: "Joined", params: msg.ById) -> Result:
        exchange = device.live.exchange
        id_ = own(exchange, device.session, params.id)
        await exchange.worker.call(lambda worker: tell(worker, id_))
        return NOTHING

    return carry_out


def command(make: Callable[[str, Any], cmd.Command]) -> Handler:
    async def carry_out(device: "Joined", params: msg.Call) -> Result:
        await device.live.execute(once(make(device.participant, params), device.seed))
        return NOTHING

    return carry_out


def _fresh(prefix: str) -> str:
    return prefix + secrets.token_hex(8)


HANDLERS: dict[str, Handler] = {
    "session.leave": leave,
    "session.ping": ping,
    "media.createTransport": create_transport,
    "media.connectTransport": connect_transport,
    "media.restartIce": restart_ice,
    "media.iceServers": ice_servers,
    "media.produce": produce,
    "media.pauseProducer": told(Exchange.own_producer, lambda worker, id_: worker.pause_producer(id_)),
    "media.resumeProducer": told(Exchange.own_producer, lambda worker, id_: worker.resume_producer(id_)),
    "media.closeProducer": close_producer,
    "media.pauseConsumer": told(Exchange.own_consumer, lambda worker, id_: worker.pause_consumer(id_)),
    "media.resumeConsumer": told(Exchange.own_consumer, lambda worker, id_: worker.resume_consumer(id_)),
    "media.requestKeyframe": told(Exchange.own_consumer, lambda worker, id_: worker.request_keyframe(id_)),
    "media.restartConsumer": restart_consumer,
    "media.report": report,
    "media.setPreferredLayers": set_preferred_layers,
    "media.chooseMix": choose_mix,
    "chat.send": command(
        lambda actor, p: cmd.SendMessage(actor=actor, message=_fresh("x_"), text=p.text, to=p.to)
    ),
    "text.type": type_text,
    "text.finish": finish_line,
    "text.drafts": drafts,
    "text.transcript": read_transcript,
    "meeting.start": command(lambda actor, p: cmd.StartStation(actor=actor, station=p.station)),
    "meeting.finish": command(lambda actor, p: cmd.FinishStation(actor=actor, station=p.station)),
    "meeting.skip": command(lambda actor, p: cmd.SkipStation(actor=actor, station=p.station)),
    "catalogue.agencies": agencies,
    "meeting.addStation": add_station,
    "meeting.moveStation": command(
        lambda actor, p: cmd.MoveStation(actor=actor, station=p.station, position=p.position)
    ),
    "meeting.changeStation": command(
        lambda actor, p: cmd.ChangeStation(
            actor=actor,
            station=p.station,
            purpose=p.purpose,
            minutes=p.minutes,
            break_after=p.break_after,
        )
    ),
    "meeting.extendStation": command(
        lambda actor, p: cmd.ExtendStation(actor=actor, station=p.station, minutes=p.minutes)
    ),
    "meeting.pause": command(lambda actor, p: cmd.Pause(actor=actor)),
    "meeting.resume": command(lambda actor, p: cmd.Resume(actor=actor)),
    "meeting.end": command(lambda actor, p: cmd.End(actor=actor)),
    "meeting.admit": command(lambda actor, p: cmd.Admit(actor=actor, participant=p.participant)),
    "meeting.remove": command(lambda actor, p: cmd.Remove(actor=actor, participant=p.participant)),
    "meeting.exclude": command(lambda actor, p: cmd.Exclude(actor=actor, participant=p.participant)),
    "meeting.include": command(lambda actor, p: cmd.Include(actor=actor, participant=p.participant)),
    "meeting.askConsent": command(
        lambda actor, p: cmd.AskConsent(
            actor=actor, question=_fresh("q_"), kind=p.kind, stations=tuple(p.stations)
        )
    ),
    "meeting.answerConsent": command(
        lambda actor, p: cmd.AnswerConsent(actor=actor, question=p.question, granted=p.granted)
    ),
    "meeting.withdrawQuestion": command(
        lambda actor, p: cmd.WithdrawQuestion(actor=actor, question=p.question)
    ),
    "meeting.revokeConsent": command(lambda actor, p: cmd.RevokeConsent(actor=actor, consent=p.consent)),
    "meeting.signal": command(lambda actor, p: cmd.SendSignal(actor=actor, signal=p.signal)),
    "meeting.ready": command(lambda actor, p: cmd.SetReady(actor=actor, ready=p.ready)),
    "meeting.setLanguage": command(lambda actor, p: cmd.SetLanguage(actor=actor, language=p.language)),
    "meeting.setPlace": command(lambda actor, p: cmd.SetPlace(actor=actor, place=Place(p.place))),
    "meeting.invite": invite,
    "interpret.languages": command(
        lambda actor, p: icmd.SetWorkingLanguages(
            actor=actor, languages=tuple(p.languages), participant=p.participant
        )
    ),
    "interpret.direction": command(
        lambda actor, p: icmd.SetDirection(actor=actor, into=p.into, source=p.source)
    ),
    "interpret.mode": command(
        lambda actor, p: icmd.SetMode(
            actor=actor, mode=None if p.mode is None else Mode(p.mode), automatic=p.automatic
        )
    ),
    "interpret.relay": command(lambda actor, p: icmd.SetRelay(actor=actor, relay=Relay(p.relay))),
    "interpret.listen": command(lambda actor, p: icmd.SetListening(actor=actor, language=p.language)),
    "interpret.offerHandover": command(
        lambda actor, p: icmd.OfferHandover(actor=actor, handover=_fresh("h_"), taker=p.taker)
    ),
    "interpret.acceptHandover": command(
        lambda actor, p: icmd.AcceptHandover(actor=actor, handover=p.handover)
    ),
    "interpret.withdrawHandover": command(
        lambda actor, p: icmd.WithdrawHandover(actor=actor, handover=p.handover)
    ),
    "interpret.addTerm": command(
        lambda actor, p: icmd.AddTerm(
            actor=actor,
            term=_fresh("w_"),
            text=p.text,
            language=p.language,
            translation=p.translation,
            into=p.into,
        )
    ),
    "interpret.removeTerm": command(lambda actor, p: icmd.RemoveTerm(actor=actor, term=p.term)),
    "interpret.call": command(
        lambda actor, p: pcmd.CallInterpreter(
            actor=actor, call=_fresh("k_"), language=p.language, kind=p.kind
        )
    ),
    "interpret.withdrawCall": command(lambda actor, p: pcmd.WithdrawCall(actor=actor, call=p.call)),
    "grants.list": grants,
    "grants.revoke": revoke_grant,
}

CHANGES_MEDIA = frozenset({"media.createTransport", "media.produce", "media.restartConsumer"})
"""After the answer to these, consumers are made: a client needs its transport before it hears of them."""

RESTRICTS = frozenset(
    {"meeting.pause", "meeting.finish", "meeting.end", "meeting.remove", "meeting.revokeConsent"}
)
"""These act although the store is down; doing them again changes nothing."""

REPEATABLE = frozenset(
    name for name in HANDLERS if name.startswith(("meeting.", "chat.", "interpret.")) or name == "text.finish"
)
"""Calls whose first result is given again for the same `request`."""
