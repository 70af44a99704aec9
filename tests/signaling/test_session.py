"""Coming, coming back, and being shown out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.door import Device, Failed
from tests.support.rest import Service, service


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, session_grace=60.0) as running:
        yield running


async def test_a_device_that_joins_gets_what_its_role_may_see(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host:
        joined = await host.join(meeting["id"], "host")
        assert joined["snapshot"]["you"]["role"] == "host"
        assert len(joined["snapshot"]["stations"]) == 2
        assert joined["router_rtp_capabilities"]["codecs"]
        assert joined["ice_servers"] == []


async def test_a_resume_brings_a_snapshot_and_the_number_of_the_last_event(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer:
        await host.join(meeting["id"], "host")
        me = await newcomer.join(meeting["id"], "newcomer")
        await newcomer.hang_up()
        await host.call("chat.send", text="Kommer du?")
        async with Device(it) as again:
            back = await again.resume(me)
            assert back["session"] == me["session"]
            assert back["secret"] != me["secret"]
            assert back["snapshot"]["messages"][-1]["text"] == "Kommer du?"
            assert back["last_event"] == me["last_event"] + 1
            assert all(p["present"] for p in back["snapshot"]["participants"])


async def test_a_lost_answer_locks_nobody_out(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as first, Device(it) as second, Device(it) as third, Device(it) as fourth:
        me = await first.join(meeting["id"], "host")
        await second.resume(me)
        again = await third.resume(me)
        await fourth.resume(again)
        assert fourth.me["session"] == me["session"]


async def test_an_attempt_that_comes_late_over_a_stalled_line_locks_nobody_out(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as first, Device(it) as second, Device(it) as stalled, Device(it) as third:
        me = await first.join(meeting["id"], "host")
        again = await second.resume(me)
        await stalled.resume(me)
        assert await second.closed_with() == "resumed"
        back = await third.resume(again)
        assert back["session"] == me["session"]
        assert await third.call("chat.send", text="hej") == {}


async def test_what_the_late_attempt_was_given_is_left_behind_once_the_other_is_used(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as first, Device(it) as second, Device(it) as thief, Device(it) as third:
        me = await first.join(meeting["id"], "host")
        again = await second.resume(me)
        stolen = await thief.resume(me)
        await third.resume(again)
        async with Device(it) as late:
            with pytest.raises(Failed) as refused:
                await late.resume(stolen)
        assert refused.value.code == "session_closed"
        assert await third.closed_with() == "session_closed"


async def test_attempts_at_the_same_time_all_come_in(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as first, AsyncExitStack() as open_:
        me = await first.join(meeting["id"], "host")
        devices = [await open_.enter_async_context(Device(it)) for _ in range(4)]
        backs = await asyncio.gather(*(device.resume(me) for device in devices))
        assert {back["session"] for back in backs} == {me["session"]}
        async with Device(it) as last:
            await last.resume(backs[0])


async def test_a_secret_that_was_left_behind_closes_the_session_and_its_device(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as first, Device(it) as second, Device(it) as third, Device(it) as thief:
        me = await first.join(meeting["id"], "host")
        later = await second.resume(me)
        await third.resume(later)
        with pytest.raises(Failed) as refused:
            await thief.resume(me)
        assert refused.value.code == "session_closed"
        assert await third.closed_with() == "session_closed"
        async with Device(it) as late:
            with pytest.raises(Failed) as closed:
                await late.resume(third.me)
            assert closed.value.code == "session_closed"


@pytest.mark.parametrize("secret", ["wrong", "ö", "x" * 128])
async def test_a_wrong_secret_opens_nothing_and_disturbs_nobody(it: Service, secret: str) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as stranger:
        me = await host.join(meeting["id"], "host")
        with pytest.raises(Failed) as refused:
            await stranger.resume(me, secret)
        assert refused.value.code == "session_unknown"
        assert await host.call("chat.send", text="hej") == {}


async def test_a_second_device_in_the_slot_takes_over_and_the_first_cannot_come_back(it: Service) -> None:
    meeting = await it.meeting()
    invitation = await it.invite(meeting["id"], "newcomer")
    token = (await it.redeem(invitation["code"])).json["access_token"]
    async with Device(it) as first, Device(it) as phone, Device(it) as second, Device(it) as late:
        me = await first.join_with(token)
        await phone.join_with(token, "phone")
        await second.join_with(token)
        assert await first.closed_with() == "replaced"
        assert await first.close_code() == 4000
        with pytest.raises(Failed) as refused:
            await late.resume(me)
        assert refused.value.code == "session_replaced"
        await second.call("chat.send", text="hej")
        await phone.event("message_sent")


async def test_who_does_not_come_back_within_the_grace_has_left(tmp_path: Path) -> None:
    async with service(tmp_path, session_grace=0.05) as it:
        meeting = await it.meeting()
        async with Device(it) as host, Device(it) as newcomer:
            await host.join(meeting["id"], "host")
            me = await newcomer.join(meeting["id"], "newcomer")
            await newcomer.hang_up()
            await host.event("participant_left")
            async with Device(it) as again:
                await again.resume(me)
                await host.until(lambda: host.events()[-1]["type"] == "participant_entered")


async def test_who_comes_back_within_the_grace_never_left(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer:
        await host.join(meeting["id"], "host")
        me = await newcomer.join(meeting["id"], "newcomer")
        await newcomer.hang_up()
        async with Device(it) as again:
            await again.resume(me)
            await again.call("chat.send", text="hej")
            await host.event("message_sent")
        assert [e["type"] for e in host.events()].count("participant_entered") == 1
        assert "participant_left" not in [e["type"] for e in host.events()]


async def test_leaving_is_answered_told_and_final(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer, Device(it) as late:
        await host.join(meeting["id"], "host")
        me = await newcomer.join(meeting["id"], "newcomer")
        assert await newcomer.call("session.leave") == {}
        assert await newcomer.closed_with() == "left"
        await host.event("participant_left")
        with pytest.raises(Failed) as refused:
            await late.resume(me)
        assert refused.value.code == "session_closed"


async def test_a_removed_participant_is_shown_out_and_stays_out(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as interpreter, Device(it) as late:
        await host.join(meeting["id"], "host")
        me = await interpreter.join(meeting["id"], "interpreter")
        await host.call("meeting.remove", participant=interpreter.participant)
        assert await interpreter.closed_with() == "removed"
        with pytest.raises(Failed) as refused:
            await late.resume(me)
        assert refused.value.code == "grant_revoked"


async def test_the_one_who_ends_the_meeting_has_the_answer_before_the_goodbye(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer, Device(it) as late:
        await host.join(meeting["id"], "host")
        me = await newcomer.join(meeting["id"], "newcomer")
        assert await host.call("meeting.end") == {}
        assert await host.closed_with() == "meeting_ended"
        assert await newcomer.closed_with() == "meeting_ended"
        assert newcomer.events()[-1]["type"] == "meeting_ended"
        with pytest.raises(Failed) as refused:
            await late.resume(me)
        assert refused.value.code == "meeting_ended"


async def test_each_participant_counts_its_own_events_without_gaps(it: Service) -> None:
    meeting = await it.meeting()
    one, two = meeting["stations"]
    async with Device(it) as host, Device(it) as tax, Device(it) as insurance:
        await host.join(meeting["id"], "host")
        await tax.join(meeting["id"], "officer", agency=one["agency"], station=one["number"])
        await insurance.join(meeting["id"], "officer", agency=two["agency"], station=two["number"])
        await host.call("meeting.start", station=one["number"])
        for text in ("ett", "två", "tre"):
            await host.call("chat.send", text=text)
        await host.call("meeting.start", station=two["number"])
        await insurance.event("station_started")
        for device in (host, tax, insurance):
            numbers = [e["number"] for e in device.events() if e["type"] != "view_changed"]
            assert numbers == list(
                range(device.me["last_event"] + 1, device.me["last_event"] + len(numbers) + 1)
            )
        assert len(insurance.events()) < len(tax.events()) < len(host.events())


async def test_after_a_restart_of_the_service_everything_is_there_and_sessions_go_on(tmp_path: Path) -> None:
    async with AsyncExitStack() as left_open:
        async with service(tmp_path, session_grace=60.0) as it:
            meeting = await it.meeting()
            host = await left_open.enter_async_context(Device(it))
            newcomer = await left_open.enter_async_context(Device(it))
            me = await host.join(meeting["id"], "host")
            them = await newcomer.join(meeting["id"], "newcomer")
            await host.call("meeting.start", station=1)
            await host.call("chat.send", text="hej igen")
            await newcomer.event("message_sent")
            number = newcomer.events()[-1]["number"]
        assert await host.closed_with() == "shutting_down"
    port = int(it.url.rpartition(":")[2])
    async with (
        service(tmp_path, port=port, session_grace=60.0) as it,
        Device(it) as host,
        Device(it) as newcomer,
    ):
        back = await newcomer.resume(them)
        await host.resume(me)
        shown = back["snapshot"]
        assert [s["state"] for s in shown["stations"]] == ["active", "planned"]
        assert {p["role"] for p in shown["participants"]} == {"host", "newcomer"}
        assert shown["messages"][-1]["text"] == "hej igen"
        assert back["last_event"] == number
        await host.call("chat.send", text="och igen")
        assert (await newcomer.event("message_sent"))["number"] == number + 1


async def test_who_does_not_come_back_after_a_restart_has_left(tmp_path: Path) -> None:
    async with service(tmp_path) as it:
        meeting = await it.meeting()
        async with Device(it) as host, Device(it) as newcomer:
            me = await host.join(meeting["id"], "host")
            await newcomer.join(meeting["id"], "newcomer")
    async with service(tmp_path, session_grace=0.5) as it, Device(it) as host:
        shown = await host.join(meeting["id"], "host", participant=me["participant"])
        people = shown["snapshot"]["participants"]
        if any(person["present"] for person in people if person["role"] == "newcomer"):
            await host.event("participant_left")
