"""A living meeting for one person alone: a link for each role, and bots in the roles nobody has taken."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from rich.console import Console

from config.settings import MediaListen, Settings, local_addresses
from media.voices import loop
from rooms import commands as cmd
from rooms.errors import Rejected
from rooms.events import ParticipantEntered, ParticipantLeft
from rooms.meeting import Meeting
from rooms.people import Role
from rooms.store.base import SlowReader, StoreUnavailable
from signaling.bots import Bot, character
from signaling.connection import CallFailed
from signaling.errors import ServiceError
from signaling.services import Services
from signaling.serving import Started
from signaling.staff import Person
from signaling.tokens import new_jti

log = structlog.get_logger(__name__)

DEMO_FILE = "demo.json"
SITE = "norrkoping"
AGENCIES = ("skatteverket", "forsakringskassan", "arbetsformedlingen")
HOST = "demo-host"
HOST_NAME = "Karin Ek"
MINUTES = 20

FIRST_STATION_AFTER = 4.0
STATION_LASTS = 120.0
RETURN_AFTER = 3.0
"""Seconds between somebody's leaving and the bot's coming back."""
LOOK_AGAIN = 1.0
AGAIN_AFTER = 5.0
"""Seconds until a bot that failed tries again."""


@dataclass(frozen=True, slots=True)
class Part:
    """One role of the demo. `key` as in the printed links: host, newcomer, interpreter, officer:<agency>."""

    key: str
    role: Role
    name: str
    agency: str | None = None
    station: int | None = None
    variant: int = 0


PARTS = (
    Part("host", Role.HOST, HOST_NAME),
    Part("newcomer", Role.NEWCOMER, "Samira"),
    Part("interpreter", Role.INTERPRETER, "Layla Haddad"),
    *(
        Part(f"officer:{agency}", Role.OFFICER, name, agency, number, number)
        for number, (agency, name) in enumerate(
            zip(AGENCIES, ("Erik Lind", "Maria Berg", "Johan Sjö"), strict=True), 1
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """`participants` and `links` by the key of the part."""

    meeting: str
    participants: Mapping[str, str]
    links: Mapping[str, str]
    host_token: str
    staff_link: str

    def as_json(self, base_url: str) -> str:
        shown = {
            "base_url": base_url,
            "meeting": self.meeting,
            "links": dict(self.links),
            "host_token": self.host_token,
            "staff_link": self.staff_link,
        }
        return json.dumps(shown, ensure_ascii=False)


def demo(*, as_json: bool, bots: bool) -> Started:
    async def started(services: Services, local: str) -> Callable[[], Awaitable[None]]:
        made = await prepare(services)
        _show(services, made, as_json)
        cast = Cast(services, made, local) if bots else None
        if cast is not None:
            cast.start()

        async def goodbye() -> None:
            if cast is not None:
                await cast.close()

        return goodbye

    return started


async def prepare(services: Services) -> Demo:
    """The meeting of an earlier start while it is open, else a new one; links that can be opened."""
    path = services.settings.data / DEMO_FILE
    stored = _read(path)
    state = await _earlier(services, stored.get("meeting"))
    if state is None:
        state, stored = await _create(services), {}
    links: dict[str, dict[str, str]] = dict(stored.get("links", {}))
    for part in PARTS:
        known = links.get(part.key)
        if known is None or not await _opens(services, known["id"]):
            links[part.key] = await _link(services, state, part, known)
    _write(path, {"meeting": state.id, "links": links})
    token, _ = services.tokens.issue_staff(sub=HOST, name=HOST_NAME, role="host", sites=[SITE])
    staff = await services.staff.create_link(Person(sub=HOST, name=HOST_NAME, role="host", sites=(SITE,)))
    return Demo(
        meeting=state.id,
        participants={key: link["participant"] for key, link in links.items()},
        links={key: f"{services.settings.public_url}/j/{link['code']}" for key, link in links.items()},
        host_token=token,
        staff_link=staff.url,
    )


async def _earlier(services: Services, meeting: object) -> Meeting | None:
    if not isinstance(meeting, str):
        return None
    try:
        state = await services.hub.state(meeting)
    except Rejected:
        return None
    return None if state.ended else state


async def _create(services: Services) -> Meeting:
    stations = []
    for agency in AGENCIES:
        purpose = services.catalogue.agencies[agency].purposes[0].id
        stations.append(cmd.NewStation(agency=agency, purpose=purpose, minutes=MINUTES))
    return await services.hub.create(
        cmd.CreateMeeting(
            actor=cmd.STAFF + HOST,
            meeting="m_" + new_jti().removeprefix("j_"),
            site=SITE,
            alias="Samira",
            languages=("ar", "sv"),
            planned_at=services.clock(),
            room="Rum 1",
            stations=tuple(stations),
        )
    )


async def _opens(services: Services, invitation: str) -> bool:
    """A link that somebody has used still opens in their browser, but not for anybody else."""
    link = await services.invitations.find(invitation)
    return link is not None and link.state == "open" and services.clock() < link.expires_at


async def _link(
    services: Services, state: Meeting, part: Part, known: dict[str, str] | None
) -> dict[str, str]:
    try:
        made = await services.invitations.create(
            meeting=state.id,
            actor=cmd.STAFF + HOST,
            role=part.role,
            agency=part.agency,
            station=part.station,
            name=part.name,
            participant=None if known is None else known["participant"],
        )
    except Rejected:
        if known is None:
            raise
        return known  # a station that is over gives no new link
    return {"id": made.id, "code": made.code, "participant": made.participant}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Only the demo keeps its codes: they are printed anyway."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", "utf-8")


def _show(services: Services, made: Demo, as_json: bool) -> None:
    base_url = services.settings.public_url
    if as_json:
        sys.stdout.write(made.as_json(base_url) + "\n")
        sys.stdout.flush()
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Mötesrum[/bold] runs on {base_url}")
    console.print("Open a link in a browser; bots play every role that nobody has taken.\n")
    width = max(map(len, made.links))
    for key, link in made.links.items():
        console.print(f"  [bold]{key:{width}}[/bold]  [link={link}]{link}[/link]")
    console.print(f"  [bold]{'staff':{width}}[/bold]  [link={made.staff_link}]{made.staff_link}[/link]\n")
    console.print("Each link opens once, and stays with the browser that opened it. Ctrl-C stops.\n")


class Cast:
    """The bots. Each leaves when a person takes its role, and comes back when they have left."""

    def __init__(self, services: Services, made: Demo, local: str, actor: type[Bot] = Bot) -> None:
        self._services = services
        self._made = made
        self._local = local
        self._actor = actor
        self._changed = asyncio.Condition()
        self._playing: dict[str, Bot] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes = 0

    @property
    def playing(self) -> frozenset[str]:
        """The keys of the parts that bots play now."""
        return frozenset(self._playing)

    def start(self) -> None:
        for work in (self._watch(), self._lead(), *(self._play(part) for part in PARTS)):
            self._run(work)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bot in list(self._playing.values()):
            await bot.close()
        self._playing.clear()

    async def _watch(self) -> None:
        """Wakes the others when somebody comes or goes."""
        while True:
            with contextlib.suppress(SlowReader, StoreUnavailable):
                stream = f"meeting/{self._made.meeting}"
                async with self._services.store.events.subscribe(stream) as happened:
                    async for recorded in happened:
                        if isinstance(recorded.event, ParticipantEntered | ParticipantLeft):
                            await self._wake()
            await asyncio.sleep(AGAIN_AFTER)

    async def _wake(self) -> None:
        self._changes += 1
        async with self._changed:
            self._changed.notify_all()

    async def _play(self, part: Part) -> None:
        participant = self._made.participants[part.key]
        while await self._free(participant):
            try:
                bot = await self._enter(part, participant)
            except (CallFailed, ServiceError, Rejected, OSError, TimeoutError, aiohttp.ClientError) as error:
                log.warning("a bot cannot play", part=part.key, error=str(error))
                await asyncio.sleep(AGAIN_AFTER)
                continue
            if bot is None:
                continue
            self._playing[part.key] = bot
            await self._until_over(bot)
            del self._playing[part.key]
            await bot.close()

    async def _until_over(self, bot: Bot) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: bot.closed_with is not None or not bot.connected)

    async def _free(self, participant: str) -> bool:
        """Waits until nobody plays the part; False when there is nothing left to play."""
        delayed = False
        while True:
            seen = self._changes
            try:
                state = await self._services.hub.state(self._made.meeting)
            except Rejected:
                return False
            person = state.participants[participant]
            if state.ended or person.removed:
                return False
            if person.present:
                delayed = False
                await self._until_changed(seen)
            elif delayed or seen == 0:
                return True
            else:
                delayed = True
                await asyncio.sleep(RETURN_AFTER)

    async def _until_changed(self, seen: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._changes != seen)

    async def _enter(self, part: Part, participant: str) -> Bot | None:
        """The part is played; None when a person has taken it while the bot got ready."""
        looks = character(part.role.value, part.name, part.variant)
        await asyncio.to_thread(loop, looks.voice)
        state = await self._services.hub.state(self._made.meeting)
        if state.participants[participant].present:
            return None
        token, _ = self._services.tokens.issue_access(
            participant=participant,
            role=part.role.value,
            agency=part.agency,
            meeting=self._made.meeting,
            station=part.station,
            jti=new_jti(),
        )
        bot = self._actor(self._local, token, looks, on_closed=lambda _: self._run(self._wake()))
        await bot.start()
        return bot

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the demo has lost a part", error=repr(error))

    async def _lead(self) -> None:
        """The host's bot leads from station to station, until somebody else has led even once."""
        host = self._made.participants["host"]
        await asyncio.sleep(FIRST_STATION_AFTER)
        mine: int | None = None
        while True:
            if "host" not in self._playing:
                await asyncio.sleep(LOOK_AGAIN)
                continue
            with contextlib.suppress(Rejected, ServiceError):
                station = next_station(await self._services.hub.state(self._made.meeting), mine)
                if station is None:
                    return
                command = cmd.StartStation(actor=host, station=station)
                await self._services.hub.execute(self._made.meeting, command)
                mine = station
            await asyncio.sleep(STATION_LASTS)


def next_station(state: Meeting, mine: int | None) -> int | None:
    """The station that the bot starts next; `mine` is the one that it started last. None once the active
    stations are not of its making: somebody else leads."""
    active = [station.number for station in state.stations if station.active]
    left = [station.number for station in state.stations if not station.final]
    if active != [n for n in (mine,) if n is not None] or not left:
        return None
    return left[(left.index(mine) + 1) % len(left)] if mine is not None else left[0]


def for_demo(settings: Settings) -> Settings:
    """Media on every address of this machine, unless the settings say otherwise."""
    if "media_listen" in settings.model_fields_set:
        return settings
    listen = tuple(MediaListen(ip=ip) for ip in local_addresses())
    return settings.model_copy(update={"media_listen": listen})
