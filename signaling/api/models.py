"""What the REST API takes and gives. The OpenAPI document is made from these models."""

import datetime as dt
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from config.catalogue import Agency, Language, Route, Site
from rooms.limits import (
    LANGUAGE,
    MAX_BREAK,
    MAX_LANGUAGES,
    MAX_MINUTES,
    MAX_NAME,
    MAX_PARTY,
    MAX_PURPOSE,
    MAX_STATIONS,
)
from rooms.people import Kind, Phase, Place, Role
from rooms.views import BookedStation, StationView
from signaling.messages import MediaShape, TransportCreated

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _plausible(at: datetime) -> datetime:
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError("must be between the years 2000 and 2200")
    return at


def _printable(text: str) -> str:
    if "\x00" in text or "\x7f" in text:
        raise ValueError("has characters that cannot be kept")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _plausible_day(day: dt.date) -> dt.date:
    if not _EARLIEST.date() <= day <= _LATEST.date():
        raise ValueError("must be between the years 2000 and 2200")
    return day


MAX_DAYS = 31
"""The days of one list of meetings, at most."""
Day = Annotated[dt.date, AfterValidator(_plausible_day)]
Instant = Annotated[AwareDatetime, AfterValidator(_plausible)]
Id = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)]
Alias = Annotated[Name, Field(min_length=1), AfterValidator(_not_blank)]
Purpose = Annotated[str, Field(max_length=MAX_PURPOSE), AfterValidator(_printable)]
Minutes = Annotated[int, Field(ge=1, le=MAX_MINUTES)]
Tag = Annotated[str, Field(pattern=LANGUAGE, max_length=35)]
Languages = Annotated[list[Tag], Field(min_length=1, max_length=MAX_LANGUAGES)]
Break = Annotated[int, Field(ge=0, le=MAX_BREAK)]
StationNumber = Annotated[int, Field(ge=1, le=1_000_000)]


class In(BaseModel):
    """Nothing unknown is passed over: a field with a slip of the pen in its name is an error. Texts that were
    read are not kept for the next time, as pydantic would."""

    model_config = ConfigDict(extra="forbid", frozen=True, cache_strings="keys")


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class People(In):
    """How many come; a meeting knows them by its alias and these numbers only."""

    adults: Annotated[int, Field(ge=0, le=MAX_PARTY)] = 1
    children: Annotated[int, Field(ge=0, le=MAX_PARTY)] = 0

    @model_validator(mode="after")
    def _somebody(self) -> "People":
        if not 1 <= self.adults + self.children <= MAX_PARTY:
            raise ValueError(f"a meeting is for 1 to {MAX_PARTY} people")
        return self


class NewStation(In):
    """`purpose`: a text, or the id of one of the agency's purposes in the catalogue.
    `break_after`: minutes of rest before the next station."""

    agency: Id
    purpose: Purpose = ""
    minutes: Minutes = 30
    break_after: Break = 0


class NewMeeting(In):
    """`site` may be left out by staff of one site. `stations` replaces those of the route."""

    site: Id | None = None
    route: Id | None = None
    alias: Alias | None = None
    planned_at: Instant | None = None
    languages: Languages | None = None
    people: People | None = None
    room: Name | None = None
    stations: Annotated[list[NewStation], Field(max_length=MAX_STATIONS)] | None = None


class MeetingChange(In):
    """What is left out stays as it is."""

    alias: Alias | None = None
    planned_at: Instant | None = None
    languages: Languages | None = None
    people: People | None = None
    room: Name | None = None


class StationChange(In):
    """`position` counts from 1 among all stations of the meeting."""

    purpose: Purpose | None = None
    minutes: Minutes | None = None
    break_after: Break | None = None
    position: Annotated[int, Field(ge=1, le=MAX_STATIONS)] | None = None


class MeetingFilter(In):
    """`date` is a day in the site's time zone; `days`: that one and those after it, at most a month."""

    site: Id | None = None
    date: Day | None = None
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = 1

    @model_validator(mode="after")
    def _from_a_day(self) -> "MeetingFilter":
        if self.days > 1 and self.date is None:
            raise ValueError("days are counted from a date")
        return self


class MeetingParticipant(Out):
    id: str
    role: Role
    kind: Kind | None
    name: str
    agency: str | None
    station: int | None
    language: str
    place: Place
    phase: Phase
    ready: bool
    present: bool


class Meeting(Out):
    id: str
    site: str
    site_name: str
    time_zone: str
    route: str | None
    alias: str
    planned_at: datetime | None
    languages: list[str]
    people: People
    room: str | None
    state: Literal["planned", "open", "paused", "ended"]
    stations: list[StationView]
    participants: list[MeetingParticipant]
    created_at: datetime
    paused_since: datetime | None
    ended_at: datetime | None


class Meetings(Out):
    meetings: list[Meeting]


class NewInvitation(In):
    """An officer is invited by an agency to a station. `participant`: a new link for somebody who has a place
    already, which makes their earlier unused links void. `kind`: of an interpreter; without it, one who
    speaks."""

    role: Role
    agency: Id | None = None
    station: StationNumber | None = None
    name: Name | None = None
    language: Tag | None = None
    participant: Id | None = None
    place: Place | None = None
    kind: Kind | None = None


class Invitation(Out):
    """`code` is shown here and never again."""

    id: str
    participant: str
    url: str
    code: str
    expires_at: datetime


class Code(In):
    code: Annotated[str, Field(min_length=1, max_length=200)]


class Way(In):
    """Into a meeting: the code of a one-time link, or an access token."""

    code: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    token: Annotated[str, Field(min_length=1, max_length=4000)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Way":
        if (self.code is None) == (self.token is None):
            raise ValueError("either a code or a token")
        return self


class Booking(Out):
    """`station`: an officer's own."""

    site_name: str
    time_zone: str
    planned_at: datetime | None
    station: BookedStation | None


class LinkInfo(Out):
    """For whom a one-time link or a token is: their role and the language they were given; while it can still
    be used also what they are invited to, and the router's capabilities (none while no worker runs), for
    which a browser gets ready before it joins."""

    role: Role
    language: str
    booking: Booking | None
    router_rtp_capabilities: MediaShape | None


class AccessToken(Out):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    meeting: str
    participant: str
    role: Role


class TokenForm(In):
    """An agency's assertion (RFC 7523)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    grant_type: str
    assertion: str | None = None


class TokenProblem(Out):
    """RFC 6749, section 5.2, and our stable `code`."""

    error: str
    error_description: str
    code: str


class Password(In):
    """`code`: six digits of the moment (RFC 6238)."""

    login: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
    password: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(min_length=1, max_length=10)]


class SignInWays(Out):
    """`provider`: what people call the place where they sign in, null where there is none."""

    provider: str | None


class OwnSession(Out):
    id: str
    began_at: datetime
    expires_at: datetime
    here: bool


class OwnSessions(Out):
    sessions: list[OwnSession]


class TakeUp(In):
    """`code`: the link's; `totp`: six digits of the moment (RFC 6238)."""

    code: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=200)]
    totp: Annotated[str, Field(min_length=1, max_length=10)]


class AccountWelcome(Out):
    """`address`: what authenticators read (otpauth)."""

    login: str
    name: str
    secret: str
    address: str


StaffRole = Literal["host", "admin", "agency_admin", "interpreter"]


class NewAccount(In):
    """A host has `sites`, an agency's administrator an `agency`; an interpreter may have `sites`, those that
    they serve, and serves all without."""

    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,98}$")]
    name: Alias
    role: StaffRole
    sites: list[Id] = []
    agency: Id | None = None

    @model_validator(mode="after")
    def _fitting(self) -> "NewAccount":
        if self.role != "interpreter" and (self.role == "host") != bool(self.sites):
            raise ValueError("sites belong to the role host, which needs some, and to interpreters")
        if (self.role == "agency_admin") != (self.agency is not None):
            raise ValueError("agency belongs to the role agency_admin, which needs one")
        return self


class AccountChange(In):
    locked: bool


class Account(Out):
    """`taken_up`: its person has a password and a second factor; `waits_until`: locked after failures."""

    id: str
    login: str
    name: str
    role: StaffRole
    sites: list[str]
    agency: str | None
    taken_up: bool
    locked: bool
    waits_until: datetime | None


class Accounts(Out):
    accounts: list[Account]


class AccountInvitation(Out):
    """`url` is shown here and never again; its person chooses the password."""

    account: Account
    url: str
    expires_at: datetime


class Session(Out):
    """`by`: how its person showed who they are; `here`: the session that asks."""

    id: str
    name: str
    role: StaffRole
    sites: list[str]
    agency: str | None
    by: Literal["link", "password", "oidc"]
    began_at: datetime
    expires_at: datetime
    here: bool


class Sessions(Out):
    sessions: list[Session]


class StaffSite(Out):
    id: str
    name: str
    time_zone: str


class StaffSession(Out):
    """`time_zone`: that of their first site, or of the service for those who have none."""

    name: str
    role: StaffRole
    agency: str | None
    sites: list[StaffSite]
    time_zone: str
    expires_at: datetime


class PoolQuery(In):
    """`known`: the revision that the caller has; the answer waits for a newer one, for a while."""

    known: Annotated[int, Field(ge=0, le=2**53)] | None = None


class PoolChange(In):
    """`available_until` null: not to be called now."""

    languages: Annotated[list[Tag], Field(min_length=2, max_length=MAX_LANGUAGES)]
    kind: Kind = Kind.SPOKEN
    available_until: Instant | None


class PoolPerson(Out):
    """`sites`: those that the interpreter serves, empty for all."""

    name: str
    languages: list[str]
    kind: Kind
    sites: list[str]
    available_until: datetime | None


class WaitingRoom(Out):
    """`place`: among all that wait for this language and kind."""

    call: str
    site_name: str
    language: str
    kind: Kind
    since: datetime
    place: int


class PoolRoom(Out):
    """A meeting that the interpreter has come to. `floor`: they are in this one now. `alias`: for whom it is;
    null once it is over."""

    meeting: str
    participant: str
    alias: str | None
    site_name: str
    room: str | None
    languages: list[str]
    planned_at: datetime | None
    kind: Kind | None
    floor: bool
    paused: bool


class PoolBoard(Out):
    revision: int
    me: PoolPerson
    waiting: list[WaitingRoom]
    rooms: list[PoolRoom]


class Floor(In):
    """The meeting in which the interpreter is heard and hears from now on; null for none."""

    meeting: Id | None


class NewPoolLink(In):
    name: Alias
    sites: list[Id] = []


class PoolLink(Out):
    url: str
    code: str
    expires_at: datetime


class NewScreen(In):
    """`code`: what the screen shows; case, spaces and hyphens do not matter."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: Alias
    site: Id | None = None


class Screen(Out):
    """`meeting`: what is shown on it now."""

    id: str
    site: str
    name: str
    paired_at: datetime
    connected: bool
    meeting: str | None


class Screens(Out):
    screens: list[Screen]


class ScreenMeeting(In):
    meeting: Id | None


class ScreenCode(Out):
    code: str
    expires_at: datetime


class ScreenQuery(In):
    """`known`: the version that the screen has; the answer waits for a newer one, for a while."""

    known: Annotated[int, Field(ge=0)] | None = None


class ScreenTask(Out):
    """`version` changes whenever the screen is to show something else; 0 until it is paired."""

    state: Literal["unpaired", "idle", "meeting"]
    version: int
    name: str | None = None
    site_name: str | None = None


class GrantFilter(In):
    """All that are given must fit. `station` needs `meeting`."""

    jti: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    participant: Id | None = None
    agency: Id | None = None
    station: StationNumber | None = None
    meeting: Id | None = None


class RevokedGrant(Out):
    meeting: str
    participant: str


class RevokedGrants(Out):
    revoked: list[RevokedGrant]


class CatalogueData(Out):
    agencies: list[Agency]
    sites: list[Site]
    routes: list[Route]
    languages: list[Language]


class Health(Out):
    status: Literal["ok"] = "ok"


class NewAgencyKey(In):
    """The public half of a key pair (RFC 7517)."""

    jwk: dict[str, Any]


class AgencyKeyChange(In):
    """`until`: from then on the key signs no more."""

    until: Instant


class AgencyKey(Out):
    kid: str
    alg: Literal["EdDSA", "ES256", "RS256"]
    jwk: dict[str, str]
    added_at: datetime
    until: datetime | None


class AgencyKeys(Out):
    keys: list[AgencyKey]


class KeptAgency(Out):
    id: str
    name: dict[str, str]
    keys: list[AgencyKey]


class KeptAgencies(Out):
    agencies: list[KeptAgency]


class AgencyGrant(Out):
    """An officer's place in a meeting."""

    meeting: str
    site: str
    station: int
    participant: str
    subject: str | None
    name: str
    phase: Phase
    present: bool
    since: datetime | None


class AgencyGrants(Out):
    grants: list[AgencyGrant]


class HearingFilter(In):
    """`date`: a day, for each meeting in the time zone of its site."""

    date: dt.date | None = None


class HeardPerson(Out):
    """Somebody of another agency or of the room is told to an agency by their role only."""

    participant: str | None
    name: str | None
    role: Role
    agency: str | None
    station: int | None


class HeardRow(Out):
    """`listener` could receive `sources` of `source`; `ends` is null while it goes on.
    `time_zone`: that of the meeting's site."""

    meeting: str
    time_zone: str
    listener: HeardPerson
    source: HeardPerson
    sources: list[str]
    stations: list[int]
    begins: datetime
    ends: datetime | None


class Hearing(Out):
    rows: list[HeardRow]


class LedgerFilter(In):
    """`first` and `last`: days at the offices, both included."""

    first: dt.date | None = None
    last: dt.date | None = None


class LedgerRow(Out):
    """One interpreter's work at one station. `day`: at the office, on which it began; `seconds`: worked while
    the station went on and nothing was paused; `charged`: the same, rounded as set."""

    agency: str
    agency_name: str
    meeting: str
    site: str
    site_name: str
    station: int
    interpreter: str
    name: str
    kind: Kind
    languages: list[str]
    day: dt.date
    begins: datetime
    ends: datetime
    seconds: float
    charged: float


class Ledger(Out):
    """`unit` (seconds) and `rounding` say how `charged` came about."""

    unit: float
    rounding: Literal["up", "nearest"]
    rows: list[LedgerRow]


class FieldError(Out):
    pointer: str
    detail: str


class ProblemDocument(Out):
    """RFC 9457, and our stable `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None


class Document(Out):
    """A whole OpenAPI or AsyncAPI document."""

    model_config = ConfigDict(extra="allow", frozen=True)


Shape = dict[str, Any]


class ConnectionTest(Out):
    """What a browser needs to look for a way to media; `ice_servers` are good for as long as the way is."""

    ice_servers: list[MediaShape]
    address: str
    """From which the call came: the way out of a network, or its proxy."""
    transport: TransportCreated


class LineMeasure(In):
    """`filler` is only sent; `letters` come back."""

    letters: Annotated[int, Field(ge=0, le=1_000_000)]
    filler: Annotated[str, Field(max_length=200_000)] = ""


class LineMeasured(Out):
    filler: str
