"""The settings: where they come from, which one wins, and what is said about a mistake."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import Settings, SettingsError, load_settings, local_addresses


def write(folder: Path, text: str) -> Path:
    path = folder / "motesrum.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_the_service_runs_on_localhost_only() -> None:
    settings = load_settings()
    assert settings.http_port == 8080
    assert settings.public_url == "http://localhost:8080"
    assert settings.origins == {"http://localhost:8080"}
    assert [listen.ip for listen in settings.media_listen] == ["127.0.0.1"]
    assert not settings.secure


def test_environment_wins_over_file_and_flag_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "http_port = 1001\nmedia_port = 1002\nretention_days = 7\n")
    monkeypatch.setenv("MOTESRUM_MEDIA_PORT", "2002")
    monkeypatch.setenv("MOTESRUM_RETENTION_DAYS", "8")
    settings = load_settings(path, retention_days=9, http_host=None)
    assert (settings.http_port, settings.media_port, settings.retention_days) == (1001, 2002, 9)


def test_the_file_can_be_named_by_a_variable_and_a_flag_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTESRUM_CONFIG", str(write(tmp_path, "http_port = 1001\n")))
    assert load_settings().http_port == 1001
    other = tmp_path / "other.toml"
    other.write_text("http_port = 1003\n")
    assert load_settings(other).http_port == 1003


def test_one_limit_can_be_set_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "[limits]\nmessage_bytes = 1000\nbody_bytes = 2000\n")
    monkeypatch.setenv("MOTESRUM_LIMITS__MESSAGE_BYTES", "3000")
    limits = load_settings(path).limits
    assert (limits.message_bytes, limits.body_bytes, limits.calls_burst) == (3000, 2000, 100)


def test_media_addresses_come_from_the_file_or_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, 'media_listen = [{ip = "10.0.0.5", announced = "192.0.2.7"}]\n')
    (listen,) = load_settings(path).media_listen
    assert (listen.ip, listen.announced) == ("10.0.0.5", "192.0.2.7")
    monkeypatch.setenv("MOTESRUM_MEDIA_LISTEN", '[{"ip": "10.0.0.6"}]')
    (listen,) = load_settings(path).media_listen
    assert (listen.ip, listen.announced) == ("10.0.0.6", None)


@pytest.mark.parametrize(
    ("written", "seconds"), [('"12h"', 43200), ('"2.5s"', 2.5), ("90", 90), ('"3 d"', 259200), ('"10m"', 600)]
)
def test_durations_are_seconds_or_carry_a_unit(tmp_path: Path, written: str, seconds: float) -> None:
    assert load_settings(write(tmp_path, f"link_lifetime = {written}\n")).link_lifetime == seconds


def test_the_public_address_follows_the_port_and_the_certificate(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    settings = load_settings(http_port=9000, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    assert settings.public_url == "https://localhost:9000"
    assert settings.secure


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http_prt = 1\n", "http_prt: unknown setting"),
        ("[limits]\nmesage_bytes = 1\n", "limits.mesage_bytes: unknown setting"),
        ("http_port = 70000\n", "http_port: Input should be less than or equal to 65535"),
        ("http_port = \n", "cannot be read"),
        ('media_listen = [{ip = "here"}]\n', "media_listen.0.ip: 'here' does not appear to be"),
        (
            'media_listen = [{ip = "0.0.0.0"}]\n',
            "media_listen.0.ip: must be an address that clients can reach",
        ),
        ("media_listen = []\n", "media_listen: Tuple should have at least 1 item"),
        ('session_grace = "soon"\n', "session_grace: must be a number of seconds"),
        ("access_lifetime = 601\n", "access_lifetime: Input should be less than or equal to 600"),
        ('store = "paper"\n', "store: Input should be 'sqlite'"),
        ('public_url = "meetings.example.se"\n', "public_url: must be an address such as"),
        ('public_url = "https://example.se/rooms"\n', "public_url: must not have anything behind"),
        ('tls_cert = "cert.pem"\n', "tls_cert and tls_key belong together"),
        ('tls_cert = "gone.pem"\ntls_key = "gone.pem"\n', "tls_cert: there is no file gone.pem"),
        ("orphan_forbid = 60\norphan_end = 30\n", "orphan_end must not be shorter"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(write(tmp_path, text))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MOTESRUM_HTTP_PRT", "1", "MOTESRUM_HTTP_PRT is not a setting"),
        ("MOTESRUM_HTTP_PORT", "soon", "MOTESRUM_HTTP_PORT: Input should be a valid integer"),
        ("MOTESRUM_LIMITS__MESSAGE", "1", "MOTESRUM_LIMITS__MESSAGE: unknown setting"),
        ("MOTESRUM_MEDIA_LISTEN", "127.0.0.1", "MOTESRUM_MEDIA_LISTEN: must be JSON"),
        ("MOTESRUM_MEDIA_LISTEN", '[{"ip": "x"}]', "MOTESRUM_MEDIA_LISTEN: 'x' does not appear"),
    ],
)
def test_a_mistake_in_a_variable_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(message)


def test_a_mistake_in_a_flag_names_the_flag() -> None:
    with pytest.raises(SettingsError, match=r"^--media-port: "):
        load_settings(media_port=-1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no settings file .*nothing\.toml"):
        load_settings(tmp_path / "nothing.toml")


def test_a_folder_or_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "bytes.toml")


def test_settings_do_not_change() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.http_port = 1


def test_pages_of_the_public_address_and_of_named_origins_are_allowed() -> None:
    settings = load_settings(
        public_url="https://Meetings.example.se:443/", allowed_origins=["https://intranet.example.se:8443"]
    )
    assert settings.public_url == "https://meetings.example.se"
    assert settings.allows_origin("https://meetings.example.se")
    assert settings.allows_origin("https://intranet.example.se:8443")
    for other in (
        "http://meetings.example.se",
        "https://example.se",
        "null",
        "",
        "https://intranet.example.se",
    ):
        assert not settings.allows_origin(other)


def test_a_worker_is_told_its_addresses_port_and_limits() -> None:
    media = load_settings(
        media_listen=[{"ip": "10.0.0.5", "announced": "192.0.2.7"}], media_port=5000, orphan_end=60
    ).media
    assert (media.listen[0].candidate_ip, media.port) == ("192.0.2.7", 5000)
    assert (media.orphan_forbid, media.orphan_end) == (30, 60)


def test_the_addresses_of_this_machine_begin_with_loopback() -> None:
    addresses = local_addresses()
    assert addresses[0] == "127.0.0.1"
    assert len(addresses) == len(set(addresses))
