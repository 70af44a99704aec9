"""The WebSocket as strangers, careless clients and honest devices find it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from config.settings import Limits
from rooms.store.base import StoreUnavailable
from signaling.messages import CALLS
from tests.support.door import Device, Failed
from tests.support.rest import Service, service

AUDIO: dict[str, Any] = {"codecs": [], "encodings": []}


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, session_grace=60.0) as running:
        yield running


async def refusal(device: Device, method: str, **params: Any) -> str:
    with pytest.raises(Failed) as refused:
        await device.call(method, **params)
    return refused.value.code


@pytest.mark.parametrize(
    ("frame", "number", "code"),
    [
        ("", -32700, "parse_error"),
        ("{", -32700, "parse_error"),
        ('{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "x"}', -32700, "parse_error"),
        ('{"jsonrpc": "2.0", "id": NaN, "method": "x"}', -32700, "parse_error"),
        ('{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}', -32700, "parse_error"),
        ('{"jsonrpc": "2.0", "id": 1e999, "method": "x"}', -32700, "parse_error"),
        ("[" * 60_000, -32700, "parse_error"),
        ('{"a":' * 12_000, -32700, "parse_error"),
        ("9" * 60_000, -32700, "parse_error"),
        ("[]", -32600, "invalid_request"),
        ("null", -32600, "invalid_request"),
        ('{"jsonrpc": "1.0", "method": "x"}', -32600, "invalid_request"),
        ('{"jsonrpc": "2.0", "id": true, "method": "x"}', -32600, "invalid_request"),
        ('{"jsonrpc": "2.0", "id": {}, "method": "x"}', -32600, "invalid_request"),
        ('{"jsonrpc": "2.0", "method": 7}', -32600, "invalid_request"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
async def test_what_is_no_call_gets_a_clear_error(it: Service, frame: str, number: int, code: str) -> None:
    async with Device(it) as device:
        await device.say(frame)
        error = (await device.answer(None))["error"]
        assert (error["code"], error["data"]["code"]) == (number, code)
        assert await refusal(device, "chat.send", text="x") == "not_joined"


async def test_whoever_hangs_up_during_the_handshake_is_no_fault_of_ours(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = web.WebSocketResponse._pre_start

    def hang_up(response: web.WebSocketResponse, request: web.Request) -> Any:
        assert request.transport is not None
        request.transport.abort()
        return begin(response, request)

    monkeypatch.setattr(web.WebSocketResponse, "_pre_start", hang_up)
    with capture_logs() as told:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientError):
                await http.ws_connect(it.url + "/api/v1/socket")
    assert [each for each in told if each["log_level"] == "error"] == []


async def test_errors_in_a_call_carry_its_id(it: Service) -> None:
    async with Device(it) as device:
        for number, body, code in (
            (7, {"method": "meeting.dance"}, "method_unknown"),
            ("a", {"method": "session.join"}, "invalid_params"),
            (8.5, {"method": "session.join", "params": [1]}, "invalid_params"),
            (9, {"method": "session.join", "params": {"token": "x"}}, "token_invalid"),
            (10, {"method": "session.resume", "params": {"session": "s", "secret": "x"}}, "session_unknown"),
        ):
            await device.say({"jsonrpc": "2.0", "id": number, **body})
            assert (await device.answer(number))["error"]["data"]["code"] == code


async def test_a_binary_frame_closes_the_connection(it: Service) -> None:
    async with Device(it) as device:
        await device.socket.send_bytes(b"\x00")
        assert await device.close_code() == 1003


async def test_a_frame_that_is_too_large_closes_the_connection(it: Service) -> None:
    async with Device(it) as device:
        await device.say("[" * 200_000)
        assert await device.close_code() == 1009


async def test_nothing_but_rubbish_closes_the_connection(it: Service) -> None:
    async with Device(it) as device:
        for _ in range(21):
            await device.say("rubbish")
        assert await device.close_code() == 1008


async def test_a_flood_closes_the_connection_and_nobody_elses(tmp_path: Path) -> None:
    limits = Limits(calls_per_second=1.0, calls_burst=10)
    async with service(tmp_path, limits=limits) as it, Device(it) as flood, Device(it) as other:
        for number in range(12):
            await flood.say({"jsonrpc": "2.0", "id": number, "method": "x"})
        assert await flood.close_code() == 1008
        assert await refusal(other, "x") == "method_unknown"


async def test_who_does_not_join_in_time_is_shown_out(tmp_path: Path) -> None:
    async with service(tmp_path, limits=Limits(join_timeout=0.05)) as it, Device(it) as device:
        assert await device.closed_with() == "join_timeout"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "file://", ""])
async def test_a_page_of_another_origin_may_not_connect(it: Service, origin: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await it.http.ws_connect(it.url + "/api/v1/socket", headers={"Origin": origin})
    assert refused.value.status == 403


async def test_our_own_page_may_connect(it: Service) -> None:
    async with it.http.ws_connect(it.url + "/api/v1/socket", headers={"Origin": it.url}) as socket:
        assert not socket.closed


async def test_an_address_has_so_many_connections_and_gets_them_back(tmp_path: Path) -> None:
    async with service(tmp_path, limits=Limits(connections_per_address=2)) as it:
        async with Device(it), Device(it):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await it.http.ws_connect(it.url + "/api/v1/socket")
            assert refused.value.status == 429
        async with Device(it) as again:
            assert await refusal(again, "x") == "method_unknown"


async def test_a_slow_reader_is_closed_and_comes_back(tmp_path: Path) -> None:
    limits = Limits(outgoing_messages=4, calls_burst=1000, calls_per_second=1000)
    async with service(tmp_path, limits=limits, session_grace=60.0) as it:
        meeting = await it.meeting()
        async with Device(it) as host, Device(it) as slow, Device(it) as again:
            await host.join(meeting["id"], "host")
            me = await slow.join(meeting["id"], "newcomer")
            live = await it.services.hub.live(meeting["id"])
            session = live.sessions[slow.participant, "screen"]
            for _ in range(200):  # all at once: the writer has no turn in between
                session.notify("meeting.event", slow_event())
            assert await slow.closed_with() == "slow_reader"
            assert len(slow.events()) < 10
            back = await again.resume(me)
            assert back["session"] == me["session"]


def slow_event() -> dict[str, Any]:
    return {"number": 1, "type": "view_changed", "at": "2026-01-01T00:00:00Z", "data": {}, "changes": {}}


async def test_a_reader_that_takes_nothing_at_all_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.socket.SEND_LIMIT", 0.1)
    async with service(tmp_path, limits=Limits(outgoing_bytes=64 << 20)) as it:
        meeting = await it.meeting()
        async with Device(it) as slow:
            await slow.join(meeting["id"], "newcomer")
            live = await it.services.hub.live(meeting["id"])
            session = live.sessions[slow.participant, "screen"]
            transport = slow.socket._writer.transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            for _ in range(20):
                session.notify("meeting.event", {**slow_event(), "data": {"fill": "x" * (1 << 20)}})
            async with asyncio.timeout(5.0):
                while not session.closed:
                    await asyncio.sleep(0)
            transport.resume_reading()
            await slow.close_code()


async def test_a_repeated_call_gives_the_first_result_and_happens_once(it: Service) -> None:
    meeting = await it.meeting()
    request = str(uuid.uuid4())
    async with Device(it) as host, Device(it) as newcomer, Device(it) as again:
        me = await host.join(meeting["id"], "host")
        await newcomer.join(meeting["id"], "newcomer")
        invitation = {"request": request, "role": "interpreter", "name": "Mira"}
        first = await host.call("meeting.invite", **invitation)
        assert await host.call("meeting.invite", **invitation) == first
        assert await refusal(host, "meeting.invite", **{**invitation, "name": "Eva"}) == "request_reused"
        assert await refusal(host, "chat.send", request=request, text="hej") == "request_reused"
        await again.resume(me)
        assert await again.call("meeting.invite", **invitation) == first
        roles = [p["role"] for p in again.me["snapshot"]["participants"]]
        assert roles.count("interpreter") == 1
        own = await newcomer.call("chat.send", request=request, text="min egen")
        assert own == {}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("chat.send", {"text": "en gång"}),
        ("meeting.addStation", {"agency": "arbetsformedlingen"}),
        ("meeting.extendStation", {"station": 1, "minutes": 5}),
        ("meeting.finish", {"station": 1}),
        ("meeting.askConsent", {"stations": [1, 2]}),
        ("meeting.invite", {"role": "interpreter"}),
    ],
)
async def test_a_call_that_died_with_the_process_after_it_was_done_is_not_done_again(
    it: Service, method: str, params: dict[str, Any]
) -> None:
    meeting = await it.meeting()
    await it.invite(meeting["id"], "newcomer")
    call = {"request": str(uuid.uuid4()), **params}
    async with Device(it) as host:
        await host.join(meeting["id"], "host")
        await host.call("meeting.start", station=1)
        first = await host.call(method, **call)
        done = await it.services.hub.state(meeting["id"])
        records = it.services.store.records
        for key, _ in await records.scan("idempotency"):
            await records.delete("idempotency", key)
        again = await host.call(method, **call)
        assert again.get("participant") == first.get("participant")
        assert await it.services.hub.state(meeting["id"]) == done


async def test_the_call_behind_an_event_is_told_to_nobody(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer:
        await host.join(meeting["id"], "host")
        await newcomer.join(meeting["id"], "newcomer")
        await host.call("chat.send", request=str(uuid.uuid4()), text="hej")
        told = await newcomer.event("message_sent")
        assert set(told["data"]) == {"actor", "message", "sender", "text", "station", "line", "seen_by"}
        (called,) = (await it.services.hub.state(meeting["id"])).requests
        assert called not in json.dumps([newcomer.events(), newcomer.me["snapshot"]])


async def test_the_code_of_a_link_is_nowhere_in_the_store(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host:
        await host.join(meeting["id"], "host")
        made = await host.call("meeting.invite", request=str(uuid.uuid4()), role="interpreter")
    stored = [
        json.dumps(dict(record.value))
        for kind in ("call", "idempotency", "invitation", "invitation_newest")
        for _, record in await it.services.store.records.scan(kind)
    ]
    assert len(stored) > 2
    assert not any(made["code"] in text for text in stored)


async def test_the_same_call_twice_at_once_happens_once(it: Service) -> None:
    meeting = await it.meeting()
    request = str(uuid.uuid4())
    invitation = await it.invite(meeting["id"], "newcomer")
    token = (await it.redeem(invitation["code"])).json["access_token"]
    async with Device(it) as screen, Device(it) as phone:
        await screen.join_with(token)
        await phone.join_with(token, "phone")
        await asyncio.gather(*(d.call("chat.send", request=request, text="en gång") for d in (screen, phone)))
        await phone.call("meeting.ready", ready=True)
        state = await it.services.hub.state(meeting["id"])
        assert [m.text for m in state.messages] == ["en gång"]


async def test_a_pause_works_although_nothing_can_be_saved(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await it.meeting()

    async def fail(*args: Any, **kwargs: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    async with Device(it) as newcomer:
        await newcomer.join(meeting["id"], "newcomer")
        with monkeypatch.context() as broken:
            for name in ("get", "put_if_absent", "compare_and_set", "delete"):
                broken.setattr(it.services.store.records, name, fail)
            broken.setattr(it.services.store.events, "append", fail)
            code = await refusal(newcomer, "chat.send", request=str(uuid.uuid4()), text="hej")
            assert code == "store_unavailable"
            assert await newcomer.call("meeting.pause", request=str(uuid.uuid4())) == {}
            assert (await newcomer.event("meeting_paused"))["changes"]["meeting"]["state"] == "paused"


async def test_nobody_touches_the_media_of_others(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer:
        await host.join(meeting["id"], "host")
        await newcomer.join(meeting["id"], "newcomer")
        send = await host.call("media.createTransport", direction="send")
        await newcomer.call("media.createTransport", direction="recv")
        made = await host.call(
            "media.produce", transport=send["id"], kind="audio", source="microphone", rtpParameters=AUDIO
        )
        await newcomer.until(lambda: newcomer.params("media.newConsumer"))
        [consumer] = newcomer.params("media.newConsumer")
        for method, params, code in (
            ("media.connectTransport", {"id": send["id"], "dtlsParameters": {}}, "unknown_transport"),
            ("media.restartIce", {"id": send["id"]}, "unknown_transport"),
            (
                "media.produce",
                {"transport": send["id"], "kind": "audio", "source": "microphone", "rtpParameters": AUDIO},
                "unknown_transport",
            ),
            ("media.pauseProducer", {"id": made["id"]}, "unknown_producer"),
            ("media.resumeProducer", {"id": made["id"]}, "unknown_producer"),
            ("media.closeProducer", {"id": made["id"]}, "unknown_producer"),
        ):
            assert await refusal(newcomer, method, **params) == code
        for method, extra in (
            ("media.resumeConsumer", {}),
            ("media.setPreferredLayers", {"spatial": 0}),
            ("media.requestKeyframe", {}),
            ("media.restartConsumer", {}),
        ):
            assert await refusal(host, method, id=consumer["id"], **extra) == "unknown_consumer"
            assert await newcomer.call(method, id=consumer["id"], **extra) == {}


async def test_what_a_role_may_not_publish_is_refused(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as companion:
        await companion.join(meeting["id"], "companion")
        send = await companion.call("media.createTransport", direction="send")
        wish = {"transport": send["id"], "rtpParameters": AUDIO}
        assert (
            await refusal(companion, "media.produce", kind="video", source="screen", **wish) == "not_allowed"
        )
        assert (
            await refusal(companion, "media.produce", kind="video", source="microphone", **wish)
            == "invalid_params"
        )


async def test_consumers_come_after_the_answer_that_brings_them(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, Device(it) as newcomer:
        await host.join(meeting["id"], "host")
        await newcomer.join(meeting["id"], "newcomer")
        send = await host.call("media.createTransport", direction="send")
        for kind, source in (("audio", "microphone"), ("video", "camera")):
            await host.call(
                "media.produce", transport=send["id"], kind=kind, source=source, rtpParameters=AUDIO
            )
        busy = [host.call("meeting.ready", ready=bool(n % 2)) for n in range(20)]
        await asyncio.gather(newcomer.call("media.createTransport", direction="recv"), *busy)
        await newcomer.until(lambda: len(newcomer.params("media.newConsumer")) == 2)
        kinds = [what for what, _ in newcomer.order]
        answered = [n for n, kind in enumerate(kinds) if kind == "answer"][-1]
        assert all(n > answered for n, kind in enumerate(kinds) if kind == "media.newConsumer")


async def test_nothing_comes_before_the_answer_to_join(it: Service) -> None:
    meeting = await it.meeting()
    async with Device(it) as host, AsyncExitStack() as others:
        await host.join(meeting["id"], "host")
        joining = [await others.enter_async_context(Device(it)) for _ in range(5)]
        noise = [host.call("chat.send", text=str(n)) for n in range(10)]
        await asyncio.gather(*(d.join(meeting["id"], "interpreter") for d in joining), *noise)
        await host.call("chat.send", text="sist")
        for device in joining:
            await device.until(partial(_has_read, device, "sist"))
            assert device.order[0][0] == "answer"


def _has_read(device: Device, text: str) -> bool:
    return any(text in str(event) for event in device.events())


async def test_an_officer_in_the_lobby_never_reads_the_name_of_another_agency(it: Service) -> None:
    meeting = await it.meeting()
    one, two = meeting["stations"]
    async with Device(it) as host, Device(it) as newcomer, Device(it) as tax, Device(it) as waiting:
        await host.join(meeting["id"], "host")
        await newcomer.join(meeting["id"], "newcomer")
        await waiting.join(meeting["id"], "officer", agency=two["agency"], station=two["number"])
        await tax.join(
            meeting["id"], "officer", agency=one["agency"], station=one["number"], name="Tage Taxman"
        )
        await host.call("meeting.start", station=1)
        await tax.call("chat.send", text="Skatteverket säger hej")
        await tax.call("meeting.signal", signal="slower")
        await host.call("meeting.addStation", agency="migrationsverket", purpose="Uppehållskort", minutes=10)
        await host.call("meeting.moveStation", station=2, position=3)
        await host.call("meeting.pause")
        await host.call("meeting.resume")
        await host.call("meeting.finish", station=1)
        await host.call("chat.send", text="Snart din tur", to=waiting.participant)
        await waiting.event("message_sent")
        told = json.dumps([waiting.me["snapshot"], waiting.told], ensure_ascii=False).lower()
        for secret in ("skatteverket", "migrationsverket", "taxman", "uppehållskort", tax.participant):
            assert secret not in told
        assert waiting.params("media.speakers") == []


WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
FIELDS = sorted({name for params, _ in CALLS.values() for name in params.model_fields})
MALFORMED_CALLS = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": st.just("x"),
        "method": st.sampled_from(sorted(set(CALLS) - {"session.leave", "meeting.end"})),
        "params": st.one_of(WORDS, st.dictionaries(st.sampled_from(FIELDS), WORDS, max_size=6)),
    }
)
FRAMES = st.one_of(
    MALFORMED_CALLS.map(json.dumps),
    st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params"]), WORDS).map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


def test_whatever_a_device_sends_it_gets_an_answer_and_the_others_go_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One service for all examples; a device that broke a rule is replaced."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        limits = Limits(calls_per_second=10_000, calls_burst=10_000, redemptions_per_minute=10_000)
        path = tmp_path_factory.mktemp("service")
        it = runner.run(stack.enter_async_context(service(path, limits=limits)))
        meeting = runner.run(it.meeting())
        other = runner.run(stack.enter_async_context(Device(it)))
        runner.run(other.join(meeting["id"], "newcomer"))
        link = runner.run(it.invite(meeting["id"], "host"))
        token = runner.run(it.redeem(link["code"])).json["access_token"]

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(FRAMES, min_size=1, max_size=15))
        def examples(frames: list[str]) -> None:
            runner.run(_send_all(it, token, frames, other))

        try:
            examples()
        finally:
            runner.run(stack.aclose())


async def _send_all(it: Service, token: str, frames: list[str], other: Device) -> None:
    async with Device(it) as device:
        await device.join_with(token)
        for frame in frames:
            await device.say(frame)
        await device.say({"jsonrpc": "2.0", "id": "last", "method": "no.such"})
        await device.until(lambda: "last" in device.answers or device._reader.done())
        codes = [a["error"]["data"]["code"] for a in device.answers.values() if "error" in a]
        assert "internal" not in codes
    assert await refusal(other, "no.such") == "method_unknown"
