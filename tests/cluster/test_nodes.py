"""Two nodes and their Redis: a meeting is at one of them, and outlives it."""

import signal
import time
from pathlib import Path

from tests.cluster.people import heard, officer, rising, speaking, until
from tests.cluster.site import DEADLINE, site


async def test_everybody_is_back_on_the_other_node_when_theirs_dies(tmp_path: Path) -> None:
    async with site(tmp_path, "a", "b", lifetime=4) as it:
        a, b = it.nodes["a"], it.nodes["b"]
        meeting = await it.meeting(a)
        await until(lambda: it.owner(meeting))
        first = it.nodes[it.owner(meeting) or ""]
        other = b if first is a else a

        newcomer = await speaking(it, other, meeting, "newcomer")
        host = await speaking(it, first, meeting, "host")
        tax = await officer(it, other, meeting, 1)
        insurance = await officer(it, first, meeting, 2)
        people = (newcomer, host, tax, insurance)
        try:
            assert {each.at for each in people} == {first.name}
            await it.rest(other, "POST", f"/meetings/{meeting}/stations/1/start")
            await heard(tax, newcomer)
            await tax.act("chat.send", text="Innan")

            await first.kill()
            for each in people:
                await each.wait_for(lambda each=each: each.back, DEADLINE, f"{each.failure}")  # type: ignore[misc]
            await heard(tax, newcomer)
            await heard(newcomer, host)
            assert {each.at for each in people} == {other.name}
            assert len(insurance.heard(newcomer.participant)) == 0
            assert "Innan" in repr(host.snapshot)
            assert "Innan" not in repr(insurance.snapshot)
            shown = await it.rest(other, "GET", f"/meetings/{meeting}")
            assert [each["state"] for each in shown["stations"]] == ["active", "called"]
            await tax.act("chat.send", text="Efter")
            assert rising(it.fences(meeting))
            assert len(set(it.fences(meeting))) == 2

            await first.start()
            revoked = time.time_ns()
            await it.rest(first, "DELETE", f"/grants?participant={tax.participant}")
            await tax.wait_for(lambda: tax.closed_with, DEADLINE, "still there")
            last = max((packet.at for packet in tax.all_packets(after=revoked)), default=revoked)
            assert last - revoked < 1e9
        finally:
            for each in people:
                await each.close()


async def test_a_restart_of_one_node_after_the_other_ends_no_meeting(tmp_path: Path) -> None:
    async with site(tmp_path, "a", "b") as it:
        meeting = await it.meeting(it.nodes["a"])
        newcomer = await speaking(it, it.nodes["b"], meeting, "newcomer")
        host = await speaking(it, it.nodes["a"], meeting, "host")
        try:
            await heard(host, newcomer)
            for _ in range(2):
                before = it.owner(meeting)
                node = it.nodes[before or ""]
                node.signal(signal.SIGTERM)
                await node.ended()
                assert it.owner(meeting) not in (None, before)
                await heard(host, newcomer)
                await heard(newcomer, host)
                await node.start()
            shown = await it.rest(it.nodes["a"], "GET", f"/meetings/{meeting}")
            assert shown["state"] != "ended"
            assert rising(it.fences(meeting))
        finally:
            await newcomer.close()
            await host.close()
