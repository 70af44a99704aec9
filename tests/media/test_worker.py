"""The worker as a process: what flows through it, and how it is controlled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.media import Listen, MediaSettings
from media import worker as worker_module
from media.client import WorkerClient, WorkerError, start_worker
from media.exchange import ROUND
from media.ortc import validate_producer
from media.worker import EARLY, MAX_LINE, TAKEN, Worker
from tests.media.endpoint import (
    KEYFRAME,
    OPUS_PARAMETERS,
    VP8_PARAMETERS,
    RawEndpoint,
    binding_request,
    opus,
    vp8,
)
from tests.media.rig import Rig, running

pytestmark = pytest.mark.usefixtures("both_ways")

ALL = {"listener": {"speaker": ["microphone", "camera"]}}


async def microphone(rig: Rig) -> None:
    await rig.client.produce(
        transport="speaker-send",
        producer="mic",
        kind="audio",
        source="microphone",
        rtp_parameters=OPUS_PARAMETERS,
    )


async def camera(rig: Rig) -> None:
    await rig.client.produce(
        transport="speaker-send",
        producer="cam",
        kind="video",
        source="camera",
        rtp_parameters=VP8_PARAMETERS,
    )


async def listening(rig: Rig) -> tuple[RawEndpoint, RawEndpoint]:
    """A speaker with a microphone, and a listener who hears it."""
    await rig.client.set_table("room", 1, ALL)
    speaker, listener = await rig.join("speaker", "send"), await rig.join("listener", "recv")
    await microphone(rig)
    await rig.client.consume(consumer="sound", transport="listener-recv", producer="mic")
    await rig.client.resume_consumer("sound")
    return speaker, listener


async def test_audio_and_video_arrive_with_the_timestamps_of_the_source(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener = await listening(rig)
        await camera(rig)
        picture = await rig.client.consume(consumer="picture", transport="listener-recv", producer="cam")
        await rig.client.resume_consumer("picture")
        voice, source = opus(), vp8()
        for _ in range(50):
            speaker.dtls.send_rtp(voice.packet(b"voice"))
            speaker.dtls.send_rtp(source.packet(KEYFRAME))
        await listener.until(lambda: len(listener.arrivals) == 100)
        video_ssrc = picture["rtpParameters"]["encodings"][0]["ssrc"]
        for is_video, payload, step in ((False, b"voice", 960), (True, KEYFRAME, 3000)):
            packets = [e.packet for e in listener.arrivals if (e.packet.ssrc == video_ssrc) == is_video]
            first = packets[0].sequence
            assert [each.timestamp for each in packets] == [1_000_000 + step * n for n in range(50)]
            assert [(each.sequence - first) & 0xFFFF for each in packets] == list(range(50))
            assert {each.payload for each in packets} == {payload}


async def test_h264_passes_from_a_parameter_set_on(tmp_path: Path) -> None:
    parameter_set, slice_ = b"\x67" + bytes(20), b"\x41" + bytes(40)
    codec = {
        "mimeType": "video/H264",
        "payloadType": 108,
        "clockRate": 90000,
        "parameters": {"packetization-mode": 1, "profile-level-id": "42e01f"},
        "rtcpFeedback": [{"type": "nack", "parameter": "pli"}],
    }
    async with running(tmp_path) as rig:
        await rig.client.set_table("room", 1, ALL)
        speaker, listener = await rig.join("speaker", "send"), await rig.join("listener", "recv")
        await rig.client.produce(
            transport="speaker-send",
            producer="cam",
            kind="video",
            source="camera",
            rtp_parameters={**VP8_PARAMETERS, "codecs": [codec], "encodings": [{"ssrc": 5}]},
        )
        answer = await rig.client.consume(consumer="picture", transport="listener-recv", producer="cam")
        assert answer["rtpParameters"]["codecs"][0]["mimeType"] == "video/H264"
        await rig.client.resume_consumer("picture")
        source = vp8(ssrc=5)
        source.payload_type = 108
        for payload in (slice_, parameter_set, slice_):
            speaker.dtls.send_rtp(source.packet(payload))
        await listener.until(lambda: len(listener.arrivals) == 2)
        assert [each.packet.payload for each in listener.arrivals] == [parameter_set, slice_]


async def test_publishers_hear_how_their_packets_arrive(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, _ = await listening(rig)
        voice = opus()
        for number in range(10):
            speaker.dtls.send_rtp(voice.packet(extensions={3: number.to_bytes(2, "big")}))
        await speaker.until(
            lambda: {"RtcpBlock", "ReceiverReport"} <= {type(each).__name__ for _, each in speaker.reports}
        )


async def test_the_address_may_change_with_an_authenticated_nomination(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener = await listening(rig)
        voice = opus()
        speaker.dtls.send_rtp(voice.packet())
        await listener.until(lambda: len(listener.arrivals) == 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.setblocking(False)
            elsewhere.bind(("127.0.0.1", 0))
            loop = asyncio.get_running_loop()
            elsewhere.sendto(binding_request(listener.ice), listener.server)
            async with asyncio.timeout(15):
                assert (await loop.sock_recv(elsewhere, 2048))[0] == 1
                speaker.dtls.send_rtp(voice.packet())
                assert (await loop.sock_recv(elsewhere, 2048))[0] & 0x80
        assert len(listener.arrivals) == 1


async def test_after_an_ice_restart_the_new_credentials_serve(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener = await listening(rig)
        fresh = await rig.client.restart_ice("listener-recv")
        assert fresh["usernameFragment"] != listener.ice["usernameFragment"]
        listener.ice = fresh
        before = listener.bindings
        listener.bind()
        await listener.until(lambda: listener.bindings > before)
        speaker.dtls.send_rtp(opus().packet())
        await listener.until(lambda: len(listener.arrivals) == 1)


async def test_a_new_controller_gets_the_whole_state_and_replaces_the_old_one(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener = await listening(rig)
        lost = asyncio.Event()
        rig.client._on_lost = lost.set
        second = await WorkerClient.connect(rig.path, lambda name, data: None, lambda: None)
        try:
            async with asyncio.timeout(15):
                await lost.wait()
            dump = second.hello.dump
            assert dump["rooms"] == [
                {"id": "room", "revision": 1, "allow": {"listener": {"speaker": ["camera", "microphone"]}}}
            ]
            assert {(t["id"], t["owner"], t["state"]) for t in dump["transports"]} == {
                ("speaker-send", "speaker", "connected"),
                ("listener-recv", "listener", "connected"),
            }
            (producer,) = dump["producers"]
            assert validate_producer("audio", producer["rtpParameters"]) == (
                validate_producer("audio", OPUS_PARAMETERS)
            )
            assert producer["ssrcs"] == {"1111": {"layer": 0, "rtx": False}}
            (consumer,) = dump["consumers"]
            assert (consumer["listener"], consumer["producer"], consumer["paused"]) == (
                "listener",
                "mic",
                False,
            )
            speaker.dtls.send_rtp(opus().packet())
            await listener.until(lambda: len(listener.arrivals) == 1)
            with pytest.raises(WorkerError) as refused:
                await second.set_table("room", 0, ALL)
            assert refused.value.code == "stale_revision"
            with pytest.raises(WorkerError) as gone:
                await rig.client.stats()
            assert gone.value.code == "worker_lost"
        finally:
            second.close()


async def test_closing_an_owner_or_a_room_closes_what_belongs_to_it(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await listening(rig)
        await rig.client.close_owner("room", "speaker")
        names = [(name, data.get("state") or data.get("reason")) for name, data in rig.events[-3:]]
        assert names == [
            ("consumerClosed", "producer_closed"),
            ("producerClosed", None),
            ("transportState", "closed"),
        ]
        await rig.client.close_room("room")
        stats = await rig.client.stats()
        assert (stats["transports"], stats["producers"], stats["consumers"]) == ([], [], [])


async def test_without_a_controller_everything_is_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    worker = Worker(MediaSettings(orphan_forbid=0.05, orphan_end=30.0), path)
    forbidden = asyncio.Event()
    forbid = worker.exchange.forbid_everything

    def noticed() -> None:
        forbid()
        forbidden.set()

    worker.exchange.forbid_everything = noticed  # type: ignore[method-assign]
    await worker.start()
    try:
        client = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
        assert set(worker._timers) == {"tick"}
        await client.create_transport(room="room", owner="speaker", transport="s", direction="send")
        await client.create_transport(room="room", owner="listener", transport="r", direction="recv")
        await client.produce(
            transport="s", producer="mic", kind="audio", source="microphone", rtp_parameters=OPUS_PARAMETERS
        )
        await client.set_table("room", 4, ALL)
        await client.consume(consumer="sound", transport="r", producer="mic")
        client.close()
        async with asyncio.timeout(15):
            await forbidden.wait()
        second = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
        assert second.hello.dump["rooms"] == [{"id": "room", "revision": 4, "allow": {}}]
        assert second.hello.dump["consumers"] == []
        assert len(second.hello.dump["transports"]) == 2
        await second.set_table("room", 4, ALL)
        await second.consume(consumer="sound", transport="r", producer="mic")
        second.close()
    finally:
        await worker.close()


async def test_a_worker_that_was_left_alone_ends_once_nobody_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "IDLE_LOOK", 0.01)
    path = tmp_path / "control.sock"
    worker = Worker(MediaSettings(orphan_forbid=0.05, orphan_end=60.0), path)
    await worker.start()
    try:
        client = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
        await client.create_transport(room="room", owner="a", transport="t", direction="send")
        client.close()
        while "idle" not in worker._timers:
            await asyncio.sleep(0.01)
        assert not worker._ended.is_set()
        worker.exchange.call("closeTransport", {"transport": "t"})
        async with asyncio.timeout(15):
            await worker.run()
    finally:
        await worker.close()


async def test_a_worker_that_nobody_controls_ends(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    process = await start_worker(MediaSettings(orphan_forbid=0.1, orphan_end=0.3), path)
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    assert not path.exists()


# the control socket, line by line


async def ask(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """The answers to raw lines; events are left out."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 24)
    try:
        await reader.readline()
        answers = []
        for line in lines:
            writer.write(line + b"\n")
            async with asyncio.timeout(15):
                answers.append(json.loads(await reader.readline()))
        return answers
    finally:
        writer.close()


async def test_a_malformed_line_is_answered_with_an_error_and_the_next_is_served(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answers = await ask(
            rig.path,
            b"not json",
            b"[]",
            b"{}",
            b'{"id":1}',
            b'{"id":2,"method":"stats","params":[]}',
            b'{"id":3,"method":"format","params":{}}',
            b'{"id":4,"method":"createTransport","params":{"room":7}}',
            b"[" * 100_000,
            b"x" * (3 * MAX_LINE),
            b'{"id":5,"method":"stats"}',
        )
        assert [(each["id"], each.get("error", {}).get("code")) for each in answers] == [
            (None, "invalid_parameters"),
            (None, "invalid_parameters"),
            (None, "invalid_parameters"),
            (1, "invalid_parameters"),
            (2, "invalid_parameters"),
            (3, "unknown_method"),
            (4, "invalid_parameters"),
            (None, "invalid_parameters"),
            (None, "invalid_parameters"),
            (5, None),
        ]


async def test_only_the_own_user_can_reach_the_control_socket(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600


async def test_sigterm_ends_cleanly_and_closes_the_transports(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        _, listener = await listening(rig)
        os.kill(rig.pid, signal.SIGTERM)
        await listener.until(lambda: listener.dtls.state.value == "closed")
        async with asyncio.timeout(15):
            assert await rig.process.wait() == 0
        assert not rig.path.exists()


async def test_a_worker_lives_in_a_session_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        assert os.getsid(rig.pid) == rig.pid


def run_worker(path: Path, settings: MediaSettings, *, ready: int = -1) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "media.worker", "--socket", str(path), "--settings", settings.to_json()]
    passed = () if ready < 0 else (ready,)
    command += [f"--ready-fd={descriptor}" for descriptor in passed]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, pass_fds=passed)


async def test_a_worker_whose_starter_has_died_ends_at_once_and_quietly(tmp_path: Path) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    try:
        ended = await asyncio.to_thread(
            run_worker, tmp_path / "control.sock", MediaSettings(), ready=writable
        )
    finally:
        os.close(writable)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (tmp_path / "control.sock").exists()


def test_a_taken_port_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
        ended = run_worker(tmp_path / "control.sock", MediaSettings(port=number))
    assert ended.returncode == TAKEN == 2
    assert ended.stderr == f"media worker: UDP port {number} on 127.0.0.1: Address already in use\n"


async def test_a_second_worker_on_the_same_socket_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        ended = await asyncio.to_thread(run_worker, rig.path, MediaSettings())
        assert ended.returncode == TAKEN
        assert ended.stderr.count("\n") == 1
        assert "another worker has it" in ended.stderr
        await rig.client.stats()


async def test_a_socket_left_behind_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    async with running(tmp_path) as rig:
        await rig.client.stats()


async def test_a_worker_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as failed:
        await start_worker(MediaSettings(listen=(Listen("192.0.2.1"),)), tmp_path / "control.sock")
    assert failed.value.code == "worker_failed"
    assert "exit code 2" in str(failed.value)


async def test_after_close_no_task_and_no_timer_remains(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    path = tmp_path / "control.sock"
    worker = Worker(MediaSettings(), path)
    await worker.start()
    client = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
    description = await client.create_transport(room="r", owner="a", transport="t", direction="send")
    endpoint = RawEndpoint(description)
    await client.connect_transport("t", endpoint.dtls_parameters)
    await endpoint.connect()
    await client.produce(
        transport="t", producer="p", kind="audio", source="microphone", rtp_parameters=OPUS_PARAMETERS
    )
    await client.create_transport(room="r", owner="b", transport="never-bound", direction="recv")
    await client.connect_transport("never-bound", endpoint.dtls_parameters)
    await worker.close()
    endpoint.close()
    client.close()
    async with asyncio.timeout(15):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0)
    assert worker.exchange.routers == {}
    assert worker._timers == {}
    assert len(worker.port.agent) == 0


async def test_what_comes_has_the_periodic_work_done_before_its_timer(tmp_path: Path) -> None:
    worker = Worker(MediaSettings(), tmp_path / "control.sock")
    done: asyncio.Queue[float] = asyncio.Queue()
    worker.exchange.tick = done.put_nowait  # type: ignore[method-assign]
    await worker.start()
    early, timer = done.get_nowait() + ROUND * (1 - EARLY), worker._timers["tick"]
    worker.port.on_turn(early - 0.001)
    assert done.empty()
    assert not timer.cancelled()
    worker.port.on_turn(early + 0.001)
    assert done.get_nowait() == early + 0.001
    assert timer.cancelled()
    async with asyncio.timeout(15):
        for _ in range(2):
            await done.get()
    await worker.close()


async def test_a_datagram_is_taken_before_the_periodic_work(tmp_path: Path) -> None:
    worker = Worker(MediaSettings(), tmp_path / "control.sock")
    worked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    await worker.start()
    worker.port.on_turn = lambda now: worked.set_result(worker.port.traffic.packets_in)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", ("127.0.0.1", worker.port.number))
        async with asyncio.timeout(15):
            assert await worked == 1
    await worker.close()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"port": 70000}',
        '{"listen": []}',
        '{"listen": [{"ip": "localhost"}]}',
        '{"listen": [{"ip": "0.0.0.0"}]}',
        '{"colour": "blue"}',
        '{"orphan_forbid": 10, "orphan_end": 5}',
    ],
)
def test_settings_that_cannot_be_used_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        MediaSettings.from_json(text)


def test_settings_survive_the_way_to_the_worker() -> None:
    settings = MediaSettings((Listen("127.0.0.1"), Listen("127.0.0.2", "203.0.113.9")), 4000, 1.0, 2.0)
    assert MediaSettings.from_json(settings.to_json()) == settings
    assert MediaSettings.from_json("{}") == MediaSettings()
