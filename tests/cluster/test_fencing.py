"""A node that is cut off, or stands still, while another takes its meeting: it adds nothing, and stops."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.cluster.people import heard, rising, speaking, until
from tests.cluster.site import DEADLINE, Roamer, Site, site
from tests.support.raw_client import CallFailed, ConnectionLost

LIFETIME = 3.0
ORPHANED = 8.0
NOWHERE = "http://127.0.0.1:9"


async def in_a_meeting_at_a(it: Site) -> tuple[str, Roamer, Roamer]:
    meeting, first, _ = await it.placed()
    assert first is it.nodes["a"], "the first of those with nothing to do"
    newcomer = await speaking(it, it.nodes["a"], meeting, "newcomer")
    host = await speaking(it, it.nodes["a"], meeting, "host")
    await heard(host, newcomer)
    return meeting, newcomer, host


async def test_a_node_that_nobody_reaches_stops_by_itself_and_what_it_restricted_holds_elsewhere(
    tmp_path: Path,
) -> None:
    limits = {"lifetime": LIFETIME, "orphan_limit": ORPHANED}
    async with site(tmp_path, "a", "b", by_others={"a": NOWHERE}, **limits) as it:
        meeting, newcomer, host = await in_a_meeting_at_a(it)
        a, b = it.nodes["a"], it.nodes["b"]
        try:
            a.line.stall()
            cut = time.time()
            await until(lambda: it.owner(meeting) == "b", "taken by the other")
            taken = it.fences(meeting)[-1]
            await heard(host, newcomer)
            with pytest.raises(CallFailed, match="store_unavailable"):
                await host.act("chat.send", text="Till ingen")
            await newcomer.act("meeting.pause")

            await asyncio.gather(
                *(each.wait_for(lambda each=each: each.back, 2 * DEADLINE) for each in (newcomer, host))  # type: ignore[misc]
            )
            assert {each.at for each in (newcomer, host)} == {"b"}
            assert min(each.back[0] for each in (newcomer, host)) - cut > ORPHANED - LIFETIME
            await host.act("chat.send", text="Till alla")

            back = time.time_ns()
            a.line.go_on()
            await host.wait_for_event("meeting_paused", after=back, deadline=DEADLINE)
            await until(lambda: (a.data / "restrictions.jsonl").read_text() == "", "passed on")
            shown = await it.rest(a, "GET", f"/meetings/{meeting}")
            assert shown["state"] == "paused"
            await newcomer.act("meeting.resume")
            await heard(host, newcomer)
            assert "Till ingen" not in repr((host.snapshot, host.events))
            fences = it.fences(meeting)
            assert rising(fences)
            assert fences[-1] > taken
            assert "the meeting is another node's" in a.log
            assert it.owner(meeting) == "b"
            assert (await it.rest(b, "GET", f"/meetings/{meeting}"))["state"] == "open"
        finally:
            await newcomer.close()
            await host.close()


async def test_a_node_that_stood_still_adds_nothing_when_it_wakes(tmp_path: Path) -> None:
    async with site(tmp_path, "a", "b", lifetime=LIFETIME) as it:
        meeting, newcomer, host = await in_a_meeting_at_a(it)
        a = it.nodes["a"]
        try:
            a.signal(signal.SIGSTOP)
            late = asyncio.create_task(newcomer.act("chat.send", text="För sent"))
            await until(lambda: it.owner(meeting) == "b", "taken by the other")
            await host.cut()
            await host.wait_for(lambda: host.back, DEADLINE, f"{host.failure}")
            await host.act("chat.send", text="I tid")
            before = it.fences(meeting)

            a.signal(signal.SIGCONT)
            with pytest.raises((CallFailed, ConnectionLost, TimeoutError)):
                await late
            await newcomer.wait_for(lambda: newcomer.back, DEADLINE, f"{newcomer.failure}")
            await asyncio.gather(heard(host, newcomer), heard(newcomer, host))
            assert {host.at, newcomer.at} == {"b"}
            said = repr((newcomer.snapshot, host.snapshot, host.events))
            assert "I tid" in said
            assert "För sent" not in said
            fences = it.fences(meeting)
            assert rising(fences)
            assert set(fences[len(before) :]) <= {before[-1]}
            assert len(set(fences)) == 2
        finally:
            a.signal(signal.SIGCONT)
            await newcomer.close()
            await host.close()
