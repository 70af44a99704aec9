"""Who says along with joining what they can receive gets their transport, and all there is, in the answer."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from media.ortc import router_capabilities
from media.peer import Peer
from media.rtp import is_newer_timestamp
from media.vp8 import vp8_keyframe
from signaling.client import Received
from tests.support.raw_client import RawClient, redeem
from tests.support.service import Service, service

DEADLINE = 20.0


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def join(client: RawClient, code: str, capabilities: Any) -> dict[str, Any] | None:
    """What is received along with joining."""
    token = (await redeem(client.base_url, code))["access_token"]
    answer = await client._enter("session.join", client._joined, token=token, rtpCapabilities=capabilities)
    receiving: dict[str, Any] | None = answer["receiving"]
    return receiving


async def test_what_is_there_flows_as_soon_as_the_transport_is_connected(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    invited = await it.invite(meeting, "host")
    async with await it.joined(meeting, "newcomer") as newcomer, RawClient(it.url) as host:
        await newcomer.produce("audio")
        await newcomer.produce("video")
        receiving = await join(host, invited["code"], router_capabilities())
        assert receiving is not None
        offers = {each["source"]: each for each in receiving["consumers"]}
        assert offers.keys() == {"microphone", "camera"}
        assert all(each["flows"] and each["participant"] == newcomer.participant for each in offers.values())
        peer, transport = Peer(on_rtp=host.on_rtp), receiving["transport"]
        try:
            await host.call("media.connectTransport", id=transport["id"], dtlsParameters=peer.dtls_parameters)
            await peer.connect(
                *(transport[part] for part in ("iceParameters", "iceCandidates", "dtlsParameters"))
            )
            got = {
                source: Received(
                    *(
                        each[part]
                        for part in ("id", "producer", "participant", "source", "kind", "rtpParameters")
                    )
                )
                for source, each in offers.items()
            }
            await host.wait_for(lambda: all(len(host.packets(each)) > 5 for each in got.values()), DEADLINE)
            stats = await (await it.services.hub.live(meeting)).exchange.stats()
            thresholds = {each["id"]: each["threshold"] for each in stats["consumers"]}
            for each in got.values():
                first = host.packets(each)[0]
                assert is_newer_timestamp(first.timestamp, thresholds[each.id])
            assert vp8_keyframe(host.packets(got["camera"])[0].payload)
            assert host.told("media.newConsumer") == []
        finally:
            peer.close()


async def test_nothing_is_there_for_who_waits_in_the_lobby(it: Service) -> None:
    data = await it.meeting()
    station = data["stations"][0]
    invited = await it.invite(data["id"], "officer", agency=station["agency"], station=station["number"])
    async with await it.joined(data["id"], "newcomer") as newcomer, RawClient(it.url) as officer:
        await newcomer.produce("audio")
        receiving = await join(officer, invited["code"], router_capabilities())
        assert receiving is not None
        assert receiving["consumers"] == []
        assert receiving["transport"]["iceParameters"]


@pytest.mark.parametrize("capabilities", [None, {"codecs": "all of them"}])
async def test_nobody_is_kept_out_by_what_they_cannot_receive(it: Service, capabilities: Any) -> None:
    invited = await it.invite((await it.meeting())["id"], "host")
    async with RawClient(it.url) as host:
        assert await join(host, invited["code"], capabilities) is None
        assert host.snapshot["you"]["role"] == "host"
        assert (await host.call("media.createTransport", direction="recv"))["id"]
