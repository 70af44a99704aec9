"""Interpreting: languages, directions, manner, relay, handing over, and the interpreters' words."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms import interpreting_events as iev
from rooms.channels import direction_of, interpreters, kind_of, on_duty, working_languages
from rooms.errors import Reason, Rejected
from rooms.event import Event
from rooms.interpreting import Handover
from rooms.limits import (
    HANDOVER_COUNTDOWN,
    HANDOVER_LIFETIME,
    MAX_LANGUAGES,
    MAX_TERM,
    MAX_TERMS,
)
from rooms.meeting import Meeting
from rooms.people import Participant, Role
from rooms.policy import Action
from rooms.rules.checks import check_language, check_text, demand, existing_person, oneself


def set_working_languages(state: Meeting, command: icmd.SetWorkingLanguages, now: float) -> Iterator[Event]:
    demand(state, command, Action.INTERPRET_LANGUAGES)
    person = existing_person(state, command.participant or command.actor)
    if person.role is not Role.INTERPRETER or person.removed:
        raise Rejected(Reason.INVALID, "only interpreters have working languages")
    actor = state.participants.get(command.actor)
    if actor is not None and actor.role is Role.INTERPRETER and actor.id != person.id:
        raise Rejected(
            Reason.NOT_ALLOWED, "an interpreter's languages are for themselves and the host to say"
        )
    languages = tuple(dict.fromkeys(command.languages))
    if not 2 <= len(languages) <= MAX_LANGUAGES:
        raise Rejected(Reason.INVALID, f"an interpreter works between 2 to {MAX_LANGUAGES} languages")
    for language in languages:
        check_language(language)
    if state.interpreting.desk(person.id).languages != languages:
        yield iev.WorkingLanguagesChanged(
            at=now, actor=command.actor, participant=person.id, languages=languages
        )


def set_direction(state: Meeting, command: icmd.SetDirection, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_DIRECTION)
    own = working_languages(state, person.id)
    for language in (command.into, command.source):
        if language is not None and language not in own:
            raise Rejected(Reason.INVALID, "this is none of the interpreter's languages")
    if command.into is not None and command.into == command.source:
        raise Rejected(Reason.INVALID, "nobody interprets a language into itself")
    desk = state.interpreting.desk(person.id)
    last = desk.turn == state.interpreting.turns and desk.turn > 0
    if last and (desk.into, desk.source) == (command.into, command.source):
        return
    yield iev.DirectionChanged(
        at=now, actor=command.actor, participant=person.id, into=command.into, source=command.source
    )


def set_mode(state: Meeting, command: icmd.SetMode, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_MODE)
    desk = state.interpreting.desk(person.id)
    mode = desk.mode if command.mode is None else command.mode
    automatic = desk.automatic if command.automatic is None else command.automatic
    if (desk.mode, desk.automatic) != (mode, automatic):
        yield iev.ModeChanged(
            at=now, actor=command.actor, participant=person.id, mode=mode, automatic=automatic
        )


def set_relay(state: Meeting, command: icmd.SetRelay, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_RELAY)
    if state.interpreting.desk(person.id).relay is not command.relay:
        yield iev.RelayChanged(at=now, actor=command.actor, participant=person.id, relay=command.relay)


def set_listening(state: Meeting, command: icmd.SetListening, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_LISTEN)
    check_language(command.language)
    if state.interpreting.listening.get(person.id) != command.language:
        yield iev.ListeningChanged(
            at=now, actor=command.actor, participant=person.id, language=command.language
        )


def offer_handover(state: Meeting, command: icmd.OfferHandover, now: float) -> Iterator[Event]:
    giver = oneself(state, command, Action.INTERPRET_OFFER)
    if state.interpreting.handover is not None:
        raise Rejected(Reason.HANDOVER_OPEN, "somebody is being asked to take over already")
    taker = existing_person(state, command.taker)
    _check_taker(state, giver, taker)
    yield iev.HandoverOffered(
        at=now, actor=command.actor, handover=command.handover, giver=giver.id, taker=taker.id
    )


def _check_taker(state: Meeting, giver: Participant, taker: Participant) -> None:
    """Nothing that the giver alone has a voice for may fall silent."""
    if giver not in on_duty(state):
        raise Rejected(Reason.NOT_ALLOWED, "only who interprets now hands over")
    here = taker.id != giver.id and taker in interpreters(state)
    if not here or kind_of(taker) is not kind_of(giver):
        raise Rejected(Reason.INVALID, "a colleague who is in the room takes over")
    own = set(working_languages(state, giver.id))
    if not own <= set(working_languages(state, taker.id)):
        raise Rejected(Reason.INVALID, "the colleague does not have all of these languages")


def accept_handover(state: Meeting, command: icmd.AcceptHandover, now: float) -> Iterator[Event]:
    taker = oneself(state, command, Action.INTERPRET_ACCEPT)
    handover = _open(state, command.handover)
    if handover.taker != taker.id:
        raise Rejected(Reason.NOT_ALLOWED, "somebody else is asked to take over")
    if handover.accepted_at is None:
        yield iev.HandoverAccepted(at=now, actor=command.actor, handover=handover.id)


def withdraw_handover(state: Meeting, command: icmd.WithdrawHandover, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_WITHDRAW)
    handover = _open(state, command.handover)
    if person.id not in (handover.giver, handover.taker):
        raise Rejected(Reason.NOT_ALLOWED, "this is between the two interpreters")
    yield iev.HandoverWithdrawn(at=now, actor=command.actor, handover=handover.id)


def lapse_handover(state: Meeting, command: icmd.LapseHandover, now: float) -> Iterator[Event]:
    handover = _due(state, command, command.handover)
    if handover is None or handover.accepted_at is not None:
        return
    if now >= handover.offered_at + HANDOVER_LIFETIME:
        yield iev.HandoverLapsed(at=now, actor=command.actor, handover=handover.id)


def complete_handover(state: Meeting, command: icmd.CompleteHandover, now: float) -> Iterator[Event]:
    """What has changed meanwhile so that it would leave a language without a voice, ends it instead."""
    handover = _due(state, command, command.handover)
    if handover is None or handover.accepted_at is None or now < handover.accepted_at + HANDOVER_COUNTDOWN:
        return
    giver, taker = (state.participants[who] for who in (handover.giver, handover.taker))
    try:
        _check_taker(state, giver, taker)
    except Rejected:
        yield iev.HandoverLapsed(at=now, actor=command.actor, handover=handover.id)
        return
    direction, desk = direction_of(state, giver.id), state.interpreting.desk(giver.id)
    yield iev.HandoverDone(
        at=now,
        actor=command.actor,
        handover=handover.id,
        giver=giver.id,
        taker=taker.id,
        into=direction.into,
        source=direction.source,
        mode=desk.mode,
        automatic=desk.automatic,
    )


def handover_due(state: Meeting) -> list[tuple[float, cmd.Command]]:
    handover = state.interpreting.handover
    if handover is None:
        return []
    if handover.accepted_at is None:
        lapse = icmd.LapseHandover(actor=cmd.SYSTEM, handover=handover.id)
        return [(handover.offered_at + HANDOVER_LIFETIME, lapse)]
    done = icmd.CompleteHandover(actor=cmd.SYSTEM, handover=handover.id)
    return [(handover.accepted_at + HANDOVER_COUNTDOWN, done)]


def add_term(state: Meeting, command: icmd.AddTerm, now: float) -> Iterator[Event]:
    person = oneself(state, command, Action.INTERPRET_ADD_TERM)
    if len(state.interpreting.terms) >= MAX_TERMS:
        raise Rejected(Reason.INVALID, f"the list has at most {MAX_TERMS} words")
    check_text(command.text, MAX_TERM, "text")
    check_text(command.translation, MAX_TERM, "translation")
    check_language(command.language)
    check_language(command.into)
    yield iev.TermAdded(
        at=now,
        actor=person.id,
        term=command.term,
        text=command.text.strip(),
        language=command.language,
        translation=command.translation.strip(),
        into=command.into,
    )


def remove_term(state: Meeting, command: icmd.RemoveTerm, now: float) -> Iterator[Event]:
    oneself(state, command, Action.INTERPRET_REMOVE_TERM)
    if any(term.id == command.term for term in state.interpreting.terms):
        yield iev.TermRemoved(at=now, actor=command.actor, term=command.term)


def _open(state: Meeting, handover: str) -> Handover:
    found = state.interpreting.handover
    if found is None or found.id != handover:
        raise Rejected(Reason.HANDOVER_UNKNOWN, "this hand-over is not open any more")
    return found


def _due(state: Meeting, command: cmd.Command, handover: str) -> Handover | None:
    if command.actor != cmd.SYSTEM:
        raise Rejected(Reason.NOT_ALLOWED, "this comes by itself")
    found = state.interpreting.handover
    return found if found is not None and found.id == handover else None
