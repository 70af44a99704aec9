"""What a relay is entered with: for people who have joined, for a short while, different for each."""

import hmac
from base64 import b64encode
from pathlib import Path

import pytest

from config.settings import SettingsError, load_settings
from signaling.turn import Turn
from tests.support.door import Device
from tests.support.rest import service
from tests.support.service import settings_for

URLS = ("turn:turn.example.se:3478", "turns:turn.example.se:443?transport=tcp")
SECRET = "open sesame"
NOW = 1_800_000_000.0


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "turn.secret"
    path.write_text(SECRET + "\n")
    return path


def test_credentials_are_good_for_a_while_and_say_nothing_about_whom_they_are_for(secret: Path) -> None:
    turn = Turn(settings_for(secret.parent, turn_urls=URLS, turn_secret_file=secret), lambda: NOW)
    [given] = turn.servers("p_1")
    until, _, mark = given["username"].partition(":")
    signed = b64encode(hmac.digest(SECRET.encode(), given["username"].encode(), "sha1")).decode()
    assert given["urls"] == list(URLS)
    assert (int(until), given["credential"]) == (NOW + 600, signed)
    assert "p_1" not in mark
    assert turn.credentials("p_1") == (given["username"], signed)
    assert turn.credentials("p_2")[0].partition(":")[2] != mark
    assert int(turn.credentials("p_1", 60)[0].partition(":")[0]) == NOW + 60


async def test_who_has_joined_gets_relays_and_can_ask_again(tmp_path: Path, secret: Path) -> None:
    async with service(tmp_path / "data", turn_urls=URLS, turn_secret_file=secret) as it:
        meeting = await it.meeting()
        async with Device(it) as host:
            joined = await host.join(meeting["id"], "host")
            [first] = joined["ice_servers"]
            [again] = (await host.call("media.iceServers"))["ice_servers"]
    assert first["urls"] == list(URLS)
    assert again["username"].partition(":")[2] == first["username"].partition(":")[2]


def test_relays_and_their_secret_belong_together(tmp_path: Path, secret: Path) -> None:
    config = tmp_path / "motesrum.toml"
    for text, told in (
        ('turn_urls = ["turn:turn.example.se"]', "belong together"),
        (f'turn_secret_file = "{secret}"', "belong together"),
        (f'turn_urls = ["https://turn.example.se"]\nturn_secret_file = "{secret}"', "turn_urls.0: must be"),
        ('turn_urls = ["turn:turn.example.se"]\nturn_secret_file = "/nowhere"', "/nowhere cannot be read"),
    ):
        config.write_text(text)
        with pytest.raises(SettingsError, match=told):
            load_settings(config)
