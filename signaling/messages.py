"""The WebSocket's messages: parameters, results and notifications. AsyncAPI and TypeScript come from here.

Our own names are snake_case; the media shapes are mediasoup-client's and keep its camelCase.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rooms.limits import MAX_BREAK, MAX_LINE, MAX_LINE_ID, MAX_TERM
from rooms.mixes import LOWERED
from rooms.people import Kind as InterpreterKind
from rooms.people import Phase, Role
from rooms.views import LineView, Snapshot

Id = Annotated[str, Field(min_length=1, max_length=64)]
Secret = Annotated[str, Field(min_length=1, max_length=128)]
Name = Annotated[str, Field(max_length=100)]
Language = Annotated[str, Field(min_length=2, max_length=35)]
StationNumber = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Kind = Literal["audio", "video"]
Source = Literal["camera", "microphone", "screen", "interpretation"]
MediaShape = dict[str, Any]
"""A mediasoup-client structure; the media worker validates what is inside."""


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Call(Message):
    """`request`: a UUID of the client's making; a call repeated with it gives the first result again."""

    request: UUID | None = None


class Nothing(Message):
    pass


class Join(Call):
    """`slot`: a newcomer may have a screen and a phone at once; a second device in a slot takes over.
    `mixes` false: the device cannot make one sound of several, and asks for one consumer of all sound.
    `rtpCapabilities`: what it can receive; then its transport for that is made along with joining."""

    token: Annotated[str, Field(min_length=1, max_length=4096)]
    slot: Literal["screen", "phone"] = "screen"
    mixes: Annotated[bool, Field(strict=True)] = True
    rtpCapabilities: MediaShape | None = None


class Resume(Call):
    session: Id
    secret: Secret
    last_event: Annotated[int, Field(ge=0)] = 0


class NewConsumer(Message):
    """`source` mix, which only who asked for it gets: all that is heard in one, of nobody in particular.
    `flows`: it begins by itself when the transport is connected; any other at `media.resumeConsumer`."""

    id: str
    producer: str
    participant: str
    source: Source | Literal["mix"]
    kind: Kind
    rtpParameters: MediaShape
    flows: bool = False


class StandingTransport(Message):
    id: str
    direction: Literal["send", "recv"]


class StandingProducer(Message):
    """`layers`: those of its encodings that somebody needs, by their place; the others are not to be sent."""

    id: str
    transport: str
    kind: Kind
    source: Source
    layers: list[int]


class StandingMedia(Message):
    """What the session still has of its media. The rest is gone and can be made anew; what the device does
    not know of, because an answer was lost, is here too."""

    transports: list[StandingTransport]
    producers: list[StandingProducer]
    consumers: list[NewConsumer]


class TransportCreated(Message):
    id: str
    iceParameters: MediaShape
    iceCandidates: list[MediaShape]
    dtlsParameters: MediaShape


class Receiving(Message):
    """`consumers`: all that there is to receive now. They flow, so they are to be set up together, before the
    transport is connected."""

    transport: TransportCreated
    consumers: list[NewConsumer]


class Joined(Message):
    """`mixed`: the service makes one sound for this device. `receiving`: for who told what it can receive;
    null where it could not be made, then `media.createTransport` tells why."""

    participant: str
    session: str
    secret: str
    last_event: int
    media: StandingMedia
    mixed: bool
    snapshot: Snapshot
    ice_servers: list[MediaShape]
    router_rtp_capabilities: MediaShape
    receiving: Receiving | None = None


class CreateTransport(Call):
    direction: Literal["send", "recv"]
    rtpCapabilities: MediaShape | None = None


class ConnectTransport(Call):
    id: Id
    dtlsParameters: MediaShape


class ById(Call):
    id: Id


class IceRestarted(Message):
    iceParameters: MediaShape


class IceServers(Message):
    ice_servers: list[MediaShape]


class Produce(Call):
    transport: Id
    kind: Kind
    rtpParameters: MediaShape
    source: Source


class Produced(Message):
    id: str


class SetPreferredLayers(Call):
    """The highest layers that the device has use for, 0 being the lowest. `first`: this picture is given what
    it needs before the others, and keeps its motion; for signs, which must be read."""

    id: Id
    spatial: Annotated[int, Field(ge=0, le=8)]
    temporal: Annotated[int, Field(ge=0, le=8)] | None = None
    first: bool = False


class MediaReport(Call):
    """What the device went through since it said so last. `freezes`: how often a picture stood still;
    `concealed`: share of the sound that its browser had to make up."""

    freezes: Annotated[int, Field(ge=0, le=1000)]
    concealed: Annotated[float, Field(ge=0, le=1)]


class ChooseMix(Call):
    """What the mix is to hold: the interpreter's voice over the floor, or the floor alone. `under`: how loud
    the floor is while somebody interprets over it, linear (0.1259 is −18 dB)."""

    preference: Literal["interpretation", "original"] = "interpretation"
    under: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = LOWERED


class SendMessage(Call):
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    to: Id | None = None


LineId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=MAX_LINE_ID)]
LineText = Annotated[str, Field(max_length=MAX_LINE)]


class TypeText(Call):
    """One edit of a line: its first `keep` characters (code points), then `add`. `revision` counts the edits
    of a line from 1; one with `keep` 0 carries the whole line and may follow any earlier one. `corrects`: a
    finished line of one's own that this one is to stand in for."""

    line: LineId
    revision: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    keep: Annotated[int, Field(ge=0, le=MAX_LINE, strict=True)]
    add: LineText
    language: Language | None = None
    corrects: LineId | None = None


class FinishLine(Call):
    """The line as a whole, as it is kept. It was written letter by letter before."""

    line: LineId
    text: Annotated[str, Field(min_length=1, max_length=MAX_LINE)]


class ReadTranscript(Call):
    """`before`: the lines before that one; without it, the newest."""

    before: LineId | None = None


class ByStation(Call):
    station: StationNumber


class AddStation(Call):
    agency: Id
    purpose: Annotated[str, Field(max_length=300)] = ""
    minutes: Annotated[int, Field(ge=1, le=480)] = 20
    break_after: Annotated[int, Field(ge=0, le=MAX_BREAK)] = 0


class MoveStation(ByStation):
    position: Annotated[int, Field(ge=1, le=100)]


class ChangeStation(ByStation):
    purpose: Annotated[str, Field(max_length=300)] | None = None
    minutes: Annotated[int, Field(ge=1, le=480)] | None = None
    break_after: Annotated[int, Field(ge=0, le=MAX_BREAK)] | None = None


class ExtendStation(ByStation):
    minutes: Annotated[int, Field(ge=-480, le=480)]


class ByParticipant(Call):
    participant: Id


class AskConsent(Call):
    kind: Literal["together"] = "together"
    stations: Annotated[list[StationNumber], Field(min_length=2, max_length=20)]


class AnswerConsent(Call):
    question: Id
    granted: Annotated[bool, Field(strict=True)]


class WithdrawQuestion(Call):
    question: Id


class RevokeConsent(Call):
    consent: Id


class Signal(Call):
    signal: Literal[
        "not_understood", "slower", "repeat", "one_at_a_time", "cannot_hear", "hand", "help", "break"
    ]


class Ready(Call):
    ready: Annotated[bool, Field(strict=True)]


class SetLanguage(Call):
    language: Language


class SetPlace(Call):
    place: Literal["on_site", "elsewhere"]


class WorkingLanguages(Call):
    """`participant`: the interpreter, when the host says it for them."""

    languages: Annotated[list[Language], Field(min_length=2, max_length=8)]
    participant: Id | None = None


class Direction(Call):
    """`into` null hands the floor back. `source` null: whichever of the own languages is spoken."""

    into: Language | None
    source: Language | None = None


class InterpretingMode(Call):
    """`automatic`: the others' voices come back by themselves when the interpreter falls silent."""

    mode: Literal["consecutive", "simultaneous"] | None = None
    automatic: Annotated[bool, Field(strict=True)] | None = None


class WorkFrom(Call):
    relay: Literal["automatic", "floor", "interpreter"]


class Listen(Call):
    language: Language


class CallInterpreter(Call):
    """Whoever of the pool is available, has the language, is of the kind and accepts first comes."""

    language: Language
    kind: InterpreterKind = InterpreterKind.SPOKEN


class ByCall(Call):
    call: Id


class OfferHandover(Call):
    taker: Id


class ByHandover(Call):
    handover: Id


class AddTerm(Call):
    text: Annotated[str, Field(min_length=1, max_length=MAX_TERM)]
    language: Language
    translation: Annotated[str, Field(min_length=1, max_length=MAX_TERM)]
    into: Language


class RemoveTerm(Call):
    term: Id


class Purpose(Message):
    id: str
    text: dict[str, str]


class Choice(Message):
    """An agency of the catalogue and what its stations can be about."""

    id: str
    name: dict[str, str]
    purposes: list[Purpose]


class Agencies(Message):
    agencies: list[Choice]


class Invite(Call):
    role: Role
    agency: Id | None = None
    station: StationNumber | None = None
    name: Name | None = None
    language: Language | None = None
    kind: InterpreterKind | None = None
    participant: Id | None = None


class LetIn(Message):
    """Somebody who is there or can come. `by`: what lets them in; `until`: a link that is not used yet;
    `devices`: those that are connected."""

    participant: str
    role: Role
    name: str
    agency: str | None
    agency_name: dict[str, str]
    station: int | None
    phase: Phase
    by: list[Literal["link", "screen", "staff", "assertion", "pool"]]
    until: datetime | None
    devices: list[str]
    revocable: bool


class Grants(Message):
    grants: list[LetIn]


class Invited(Message):
    id: str
    participant: str
    code: str
    url: str
    expires_at: datetime


class ConsumerClosed(Message):
    id: str


class MediaReset(Message):
    """All media of the device is gone, the session stands: new transports are to be made. `reason`:
    worker_lost."""

    reason: str


class ProducerClosed(Message):
    """One of the device's own producers has been ended for it. `reason`: replaced, when somebody else shows
    their screen now."""

    id: str
    reason: str


class LayersNeeded(Message):
    """`layers`: those of the encodings of the device's own producer that somebody needs, by their place. The
    others are not to be sent until this comes again."""

    id: str
    layers: list[int]


class SpeakerLevel(Message):
    participant: str
    level: Annotated[float, Field(ge=0, le=1)]


class Speakers(Message):
    speakers: list[SpeakerLevel]


class PictureGot(Message):
    """The layer that a person gets of a picture, without whose it is: the `spatial`th of so many sizes, and
    its frames up to the `temporal`th layer of so many, both from 0."""

    source: str
    spatial: Annotated[int, Field(ge=0)]
    spatial_layers: Annotated[int, Field(ge=1)]
    temporal: Annotated[int, Field(ge=0)]
    temporal_layers: Annotated[int, Field(ge=1)]


class Quality(Message):
    """`level`: good, fair or poor; `loss`: share of this person's packets that never came; `rtt` and `jitter`
    in seconds; `bitrate` of what this person sends, bit/s; `sends`, `sources`: kinds and sources that came
    through in the last seconds; `freezes`, `concealed`: what this person's own device went through, null
    while it has not said."""

    participant: str
    level: Literal["good", "fair", "poor"]
    loss: Annotated[float, Field(ge=0, le=1)]
    rtt: float | None
    sends: list[Kind]
    sources: list[str]
    jitter: float | None
    bitrate: int
    freezes: int | None
    concealed: float | None
    pictures: list[PictureGot]


class QualityTold(Message):
    """Every few seconds, of those whom one hears and of oneself; a host is told of everybody."""

    people: list[Quality]


class Typed(Message):
    """An edit of a line that somebody writes, as in `text.type`."""

    participant: str
    line: str
    revision: int
    keep: int
    add: str
    language: str
    corrects: str | None


class Drafts(Message):
    """Every unfinished line that the participant may read now, whole, and the device's own."""

    drafts: list[Typed]


class Transcript(Message):
    """Finished lines, the newest last. `more`: there are earlier ones."""

    lines: list[LineView]
    more: bool


class TextGone(Message):
    """The unfinished line is not there any more: it is to be shown no longer, and its author begins anew."""

    participant: str
    line: str


class MeetingEvent(Message):
    """`number` counts what this participant has been told. `changes` holds every section of the snapshot that
    has changed for them; a `view_changed` has nothing but changes and repeats the number before it."""

    number: int
    type: str
    at: datetime
    data: dict[str, Any]
    changes: dict[str, Any]


class SessionClosed(Message):
    """`code`: replaced, removed, meeting_ended, shutting_down, slow_reader, …"""

    code: str
    reason: str


NOTIFICATIONS: dict[str, type[Message]] = {
    "meeting.event": MeetingEvent,
    "text.typed": Typed,
    "text.gone": TextGone,
    "media.newConsumer": NewConsumer,
    "media.consumerClosed": ConsumerClosed,
    "media.producerClosed": ProducerClosed,
    "media.layers": LayersNeeded,
    "media.reset": MediaReset,
    "media.speakers": Speakers,
    "media.quality": QualityTold,
    "session.closed": SessionClosed,
}

CALLS: dict[str, tuple[type[Call], type[Message]]] = {
    "session.join": (Join, Joined),
    "session.resume": (Resume, Joined),
    "session.leave": (Call, Nothing),
    "session.ping": (Call, Nothing),
    "media.createTransport": (CreateTransport, TransportCreated),
    "media.connectTransport": (ConnectTransport, Nothing),
    "media.restartIce": (ById, IceRestarted),
    "media.iceServers": (Call, IceServers),
    "media.produce": (Produce, Produced),
    "media.pauseProducer": (ById, Nothing),
    "media.resumeProducer": (ById, Nothing),
    "media.closeProducer": (ById, Nothing),
    "media.pauseConsumer": (ById, Nothing),
    "media.resumeConsumer": (ById, Nothing),
    "media.requestKeyframe": (ById, Nothing),
    "media.restartConsumer": (ById, Nothing),
    "media.report": (MediaReport, Nothing),
    "media.setPreferredLayers": (SetPreferredLayers, Nothing),
    "media.chooseMix": (ChooseMix, Nothing),
    "chat.send": (SendMessage, Nothing),
    "text.type": (TypeText, Nothing),
    "text.finish": (FinishLine, Nothing),
    "text.drafts": (Call, Drafts),
    "text.transcript": (ReadTranscript, Transcript),
    "meeting.start": (ByStation, Nothing),
    "meeting.finish": (ByStation, Nothing),
    "meeting.skip": (ByStation, Nothing),
    "catalogue.agencies": (Call, Agencies),
    "meeting.addStation": (AddStation, Nothing),
    "meeting.moveStation": (MoveStation, Nothing),
    "meeting.changeStation": (ChangeStation, Nothing),
    "meeting.extendStation": (ExtendStation, Nothing),
    "meeting.pause": (Call, Nothing),
    "meeting.resume": (Call, Nothing),
    "meeting.end": (Call, Nothing),
    "meeting.admit": (ByParticipant, Nothing),
    "meeting.remove": (ByParticipant, Nothing),
    "meeting.exclude": (ByParticipant, Nothing),
    "meeting.include": (ByParticipant, Nothing),
    "meeting.askConsent": (AskConsent, Nothing),
    "meeting.answerConsent": (AnswerConsent, Nothing),
    "meeting.withdrawQuestion": (WithdrawQuestion, Nothing),
    "meeting.revokeConsent": (RevokeConsent, Nothing),
    "meeting.signal": (Signal, Nothing),
    "meeting.ready": (Ready, Nothing),
    "meeting.setLanguage": (SetLanguage, Nothing),
    "meeting.setPlace": (SetPlace, Nothing),
    "meeting.invite": (Invite, Invited),
    "interpret.languages": (WorkingLanguages, Nothing),
    "interpret.direction": (Direction, Nothing),
    "interpret.mode": (InterpretingMode, Nothing),
    "interpret.relay": (WorkFrom, Nothing),
    "interpret.listen": (Listen, Nothing),
    "interpret.offerHandover": (OfferHandover, Nothing),
    "interpret.acceptHandover": (ByHandover, Nothing),
    "interpret.withdrawHandover": (ByHandover, Nothing),
    "interpret.addTerm": (AddTerm, Nothing),
    "interpret.removeTerm": (RemoveTerm, Nothing),
    "interpret.call": (CallInterpreter, Nothing),
    "interpret.withdrawCall": (ByCall, Nothing),
    "grants.list": (Call, Grants),
    "grants.revoke": (ByParticipant, Nothing),
}
