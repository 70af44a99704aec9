"""Compares what reached whom with what the worlds of its time allow. What it objects to is a leak."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.security.canaries.marks import Found, Mark, found_in
from tests.security.canaries.timeline import Timeline
from tests.security.canaries.world import Word, World


class Leak(AssertionError):
    """Something turned up where it must not."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`at`: when the kernel had it from the worker, nanoseconds of CLOCK_REALTIME."""

    listener: int
    mark: Mark
    at: int
    again: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report about somebody's source."""

    listener: int
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """Made by the service between `since` and `until`, and given to `viewer`."""

    viewer: str
    since: int
    until: int
    found: frozenset[Found]


@dataclass
class Tally:
    """What was looked at. `right` counts marks where they may be, `leaks` those where they may not."""

    datagrams: int = 0
    packets: int = 0
    repeats: int = 0
    in_vain: int = 0
    """Packets that were asked for by those who must not have them."""
    reports: int = 0
    texts: int = 0
    right: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)


class Watch:
    """Gathers as things arrive, and judges at the end of every step, when it is known what was acknowledged.

    A connection brings frames in order. So what follows the answer to a call was made after that call was
    sent, and nothing that an earlier world allowed is excused once such a call was sent in a later one.
    """

    def __init__(self, timeline: Timeline, tally: Tally, numbers: tuple[int, int]) -> None:
        self.timeline = timeline
        self.tally = tally
        self.words: dict[int, Word] = {}
        self.letters: dict[int, Word] = {}
        self.whose: dict[int, str] = {}
        """Device → participant."""
        self._alias, self._purposes = numbers
        self._datagrams: list[tuple[int, int]] = []
        self._packets: list[Packet] = []
        self._reports: list[Report] = []
        self._texts: list[Text] = []

    # what arrives

    def datagram(self, device: int, at: int) -> None:
        """An SRTP packet, whether it can be opened or not."""
        self._datagrams.append((device, at))

    def packet(self, listener: int, mark: Mark | None, at: int, *, again: bool) -> None:
        if mark is None:
            self._object(f"device {listener} has a packet that nobody sent")
        else:
            self._packets.append(Packet(listener, mark, at, again))

    def report(self, listener: int, source: str | None, at: int) -> None:
        if source is None:
            self._object(f"device {listener} has a report about a source that it was never offered")
        else:
            self._reports.append(Report(listener, source, at))

    def text(self, viewer: str, since: int, until: int, text: str) -> None:
        self._texts.append(Text(viewer, since, until, frozenset(found_in(text))))

    # what is made of it

    def judge(self) -> None:
        """Raises `Leak`."""
        for device, at in self._datagrams:
            if not any(device in world.receiving for world in self.timeline.at(at)):
                self._object(f"device {device} has a packet and may receive nobody", at)
        for packet in self._packets:
            self._judge_packet(packet)
        for report in self._reports:
            self._judge_report(report)
        for text in self._texts:
            self._judge_text(text)
        self.tally.datagrams += len(self._datagrams)
        self.tally.packets += len(self._packets)
        self.tally.repeats += sum(packet.again for packet in self._packets)
        self.tally.reports += len(self._reports)
        self.tally.texts += len(self._texts)
        for gathered in (self._datagrams, self._packets, self._reports, self._texts):
            gathered.clear()
        if self.tally.leaks:
            raise Leak("\n".join(self.tally.leaks))

    def _judge_packet(self, packet: Packet) -> None:
        if packet.mark.device not in self.whose:
            self._object(f"device {packet.listener} receives another meeting", packet.at)
            return
        pair = packet.listener, packet.mark.device
        people = self.whose[packet.listener], self.whose[packet.mark.device]
        sound = packet.mark.device, packet.mark.kind
        if not _any(self.timeline.at(packet.at), lambda w: pair in w.pairs and sound not in w.muted):
            self._object(f"{pair}: received while it was forbidden", packet.at, packet.mark.taken_at)
        elif not _any(self.timeline.at(packet.mark.taken_at), lambda w: people in w.heard):
            self._object(f"{pair}: taken up while it was forbidden", packet.at, packet.mark.taken_at)
        else:
            self.tally.right[self._course(packet)] += 1

    def _judge_report(self, report: Report) -> None:
        listener = self.whose[report.listener]
        if not _any(self.timeline.at(report.at), lambda w: w.hears(listener, report.source)):
            self._object(f"{self._name(listener)}: a report about {self._name(report.source)}", report.at)

    def _judge_text(self, text: Text) -> None:
        worlds = self.timeline.between(text.since, text.until)
        for found in text.found:
            if _any(worlds, lambda world, found=found: self._shows(world, text.viewer, found)):
                self.tally.right[found.kind] += 1
            else:
                self._object(f"{self._name(text.viewer)} is told {found}", text.until)

    def _shows(self, world: World, viewer: str, found: Found) -> bool:
        if viewer not in world.people:
            return False
        match found.kind:
            case "word":
                word = self.words.get(int(found.value))
                return word is not None and world.shows_word(viewer, word)
            case "letter":
                letter = self.letters.get(int(found.value))
                return letter is not None and world.shows_letter(viewer, letter)
            case "purpose":
                return world.knows_station(viewer, int(found.value) - self._purposes)
            case "alias":
                return int(found.value) == self._alias and world.knows_alias(viewer)
            case "agency":
                return world.knows_agency(viewer, found.value)
            case "person":
                return found.value in world.people and self._shows_person(world, viewer, found.value)
        named = [each.id for each in world.people.values() if each.number == int(found.value)]
        return bool(named) and self._shows_person(world, viewer, named[0])

    def _shows_person(self, world: World, viewer: str, other: str) -> bool:
        if world.knows_person(viewer, other):
            return True
        words, letters = self.words.values(), self.letters.values()
        if any(word.author == other and world.shows_word(viewer, word) for word in words):
            return True
        return any(word.author == other and world.shows_letter(viewer, word) for word in letters)

    def _course(self, packet: Packet) -> str:
        people = self.timeline.now.people
        listener, source = (people[self.whose[each]] for each in (packet.listener, packet.mark.device))
        if listener.officer:
            return "packet to an officer"
        return "packet from an officer" if source.officer else "packet between the others"

    def _name(self, who: str) -> str:
        person = self.timeline.now.people.get(who)
        if person is None:
            return who
        return f"{person.role} {person.agency or ''} {person.station or ''} ({who})"

    def _object(self, what: str, *instants: int) -> None:
        moments = ", ".join(f"{at / 1e9:.3f}" for at in instants)
        self.tally.leaks.append(f"{what} [{moments}] while {_brief(self.timeline.open)}")


def _any(worlds: Iterable[World], holds: Callable[[World], bool]) -> bool:
    return any(holds(world) for world in worlds)


def _brief(worlds: Sequence[World]) -> str:
    return " or ".join(
        f"active {world.active}, paused {world.paused}, question {world.question}, ended {world.ended}"
        for world in worlds
    )
