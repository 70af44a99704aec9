"""The settings of Redis, and how they become a server."""

from pathlib import Path

import pytest

from config.settings import SettingsError, load_settings
from signaling.stores import redis_key, redis_server


def write(folder: Path, lines: str) -> Path:
    (folder / "secret").write_text("open sesame\n")
    (folder / "empty").write_text("\n")
    path = folder / "motesrum.toml"
    path.write_text('store = "redis"\n[redis]\n' + lines.replace("HERE", str(folder)), encoding="utf-8")
    return path


def test_an_address_is_enough(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, 'url = "redis://10.0.0.7"'), data=tmp_path)
    assert settings.redis is not None
    server = redis_server(settings.redis)
    assert (server.host, server.port, server.db, server.replicas, server.tls) == (
        "10.0.0.7",
        6379,
        0,
        0,
        None,
    )
    assert redis_key(settings) == tmp_path / "redis.key"


def test_everything_can_be_said(tmp_path: Path) -> None:
    lines = """
        url = "rediss://rooms/2"
        username = "motesrum"
        password_file = "HERE/secret"
        tls_ca = "HERE/secret"
        sentinels = ["10.0.0.1:26379", "[::1]:26380"]
        sentinel_password_file = "HERE/secret"
        prefix = "rooms"
        key_file = "HERE/shared.key"
        timeout = "3s"
    """
    settings = load_settings(write(tmp_path, lines))
    assert settings.redis is not None
    server = redis_server(settings.redis)
    assert (server.host, server.db, server.username, server.password) == (
        "rooms",
        2,
        "motesrum",
        "open sesame",
    )
    assert server.sentinels == (("10.0.0.1", 26379), ("::1", 26380))
    assert (server.replicas, server.sentinel_password, server.prefix, server.timeout) == (
        1,
        "open sesame",
        "rooms",
        3.0,
    )
    assert server.tls is not None
    assert server.tls.ca == tmp_path / "secret"
    assert redis_key(settings) == tmp_path / "shared.key"


def test_the_environment_can_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTESRUM_STORE", "redis")
    monkeypatch.setenv("MOTESRUM_REDIS__URL", "redis://10.0.0.7:7000")
    settings = load_settings()
    assert settings.redis is not None
    assert redis_server(settings.redis).port == 7000


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "redis.url: Field required"),
        ('url = "http://10.0.0.7"', "redis.url: must be an address such as"),
        ('url = "redis://me:sesam@10.0.0.7"', "redis.url: must not hold a user or password"),
        ('url = "redis://10.0.0.7/first"', "redis.url: must not have anything but a number"),
        ('url = "redis://10.0.0.7:70000"', "redis.url: "),
        ('url = "redis://h"\nusername = "me"', "redis: username needs a password_file"),
        ('url = "redis://h"\npassword_file = "HERE/none"', "redis.password_file: HERE/none cannot be read"),
        ('url = "redis://h"\npassword_file = "HERE/empty"', "redis.password_file: HERE/empty is empty"),
        ('url = "redis://h"\ntls_ca = "HERE/secret"', "redis: tls_ca, tls_cert and tls_key go with"),
        ('url = "rediss://h"\ntls_cert = "HERE/secret"', "redis: tls_cert and tls_key belong together"),
        ('url = "rediss://h"\ntls_ca = "HERE/none"', "redis.tls_ca: there is no file HERE/none"),
        ('url = "redis://h"\nsentinels = ["10.0.0.1"]', "redis.sentinels.0: must be host:port"),
        ('url = "redis://h"\nprefix = "a*"', "redis.prefix: "),
        ('url = "redis://h"\nport = 3', "redis.port: unknown setting"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, lines: str, message: str) -> None:
    path = write(tmp_path, lines)
    with pytest.raises(SettingsError) as told:
        load_settings(path)
    assert message.replace("HERE", str(tmp_path)) in str(told.value)
    assert "\n" not in str(told.value)
    assert "sesam" not in str(told.value)


def test_redis_without_an_address_is_told() -> None:
    with pytest.raises(SettingsError, match=r"say where it is with redis\.url"):
        load_settings(store="redis")
