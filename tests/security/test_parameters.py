"""Parameters of ten thousand parts, and JSON that is none, sent by devices to a service with real media."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.media.endpoint import VP8_PARAMETERS
from tests.support.raw_client import CallFailed, RawClient
from tests.support.service import Service, service

TEN_THOUSAND = 10_000
CODECS: dict[str, Any] = {"codecs": [{}] * TEN_THOUSAND}


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def refusal(device: RawClient, method: str, **params: Any) -> str:
    with pytest.raises(CallFailed) as refused:
        await device.call(method, **params)
    return refused.value.code


async def refuses(device: RawClient, transport: str, parameters: dict[str, Any]) -> None:
    wish = {"transport": transport, "source": "camera", "kind": "video", "rtpParameters": parameters}
    assert await refusal(device, "media.produce", **wish) == "invalid_parameters"


async def test_ten_thousand_of_anything_are_refused_and_the_meeting_goes_on(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    async with await it.joined(meeting, "host") as host, await it.joined(meeting, "newcomer") as newcomer:
        assert await refusal(host, "media.createTransport", direction="recv", rtpCapabilities=CODECS) == (
            "invalid_parameters"
        )
        transport = (await host.call("media.createTransport", direction="send"))["id"]
        many = [{}] * TEN_THOUSAND
        vp8 = {**VP8_PARAMETERS["codecs"][0], "rtcpFeedback": many}
        for name, value in {**CODECS, "encodings": many, "headerExtensions": many}.items():
            await refuses(host, transport, {**VP8_PARAMETERS, name: value})
        await refuses(host, transport, {**VP8_PARAMETERS, "codecs": [vp8]})
        await refuses(host, transport, {**VP8_PARAMETERS, "mid": "1" * TEN_THOUSAND})
        dtls = {"role": "client", "fingerprints": many}
        assert await refusal(host, "media.connectTransport", id=transport, dtlsParameters=dtls) == (
            "invalid_parameters"
        )
        await host.open_transports()
        await newcomer.open_transports()
        await host.produce("audio")
        heard = await newcomer.wait_for_consumer("microphone", deadline=15.0)
        await newcomer.wait_for(lambda: newcomer.packets(heard), 15.0)


NO_JSON = (
    '{"mid": NaN}',
    '{"mid": 1e999}',
    '{"mid": "0", "mid": "1"}',
    '{"mid": "\\ud800"}',
    "[" * 60_000 + "]" * 5_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
)


async def test_what_is_no_json_does_not_get_as_far_as_the_worker(it: Service) -> None:
    call = '{"jsonrpc": "2.0", "id": 1, "method": "media.produce", "params": {"rtpParameters": %s}}'
    meeting = (await it.meeting())["id"]
    async with await it.joined(meeting, "host") as host, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{it.url}/api/v1/socket") as socket:
            for parameters in NO_JSON:
                await socket.send_str(call % parameters)
                answer = json.loads((await socket.receive(15.0)).data)
                assert answer["error"]["data"]["code"] == "parse_error", parameters[:24]
        await host.call("meeting.ready", ready=True)


async def test_a_frame_of_two_hundred_thousand_levels_closes_its_connection_only(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    async with await it.joined(meeting, "host") as host, aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{it.url}/api/v1/socket") as socket:
            await socket.send_str("[" * 200_000)
            while (await socket.receive(15.0)).type is aiohttp.WSMsgType.TEXT:
                continue
            assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await host.call("meeting.ready", ready=True)
