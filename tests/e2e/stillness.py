"""Watches a picture, to tell afterwards for how long it stood still and on which consumers it came."""

from dataclasses import dataclass

from tests.e2e.people import Person

STILL = 2.0
"""Seconds for which a picture at ten a second may stand still while the machine starts a process."""

WATCH = """async (participant) => {
  window.__frames = [];
  const look = async () => {
    const stats = await window.__motesrum.stats();
    const one = stats.find((each) => each.participant === participant && each.source === 'camera');
    window.__frames.push([performance.now() / 1000, one?.framesDecoded ?? -1, one?.id]);
    window.__watching = setTimeout(look, 50);
  };
  await look();
}"""

WATCHED = """() => {
  clearTimeout(window.__watching);
  let longest = 0, moved = window.__frames[0];
  for (const seen of window.__frames) {
    longest = Math.max(longest, seen[0] - moved[0]);
    if (seen[1] > moved[1]) moved = seen;
  }
  return [longest, [...new Set(window.__frames.map((frame) => frame[2]))]];
}"""


@dataclass(frozen=True)
class Stillness:
    """`longest`: seconds without a new frame. `consumers`: those on which the picture came."""

    longest: float
    consumers: list[str]


async def watch(person: Person, participant: str) -> None:
    await person.page.evaluate(WATCH, participant)


async def watched(person: Person) -> Stillness:
    return Stillness(*await person.page.evaluate(WATCHED))
