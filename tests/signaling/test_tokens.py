"""Tokens that the service signs: what they carry, how long, and what is never accepted."""

import base64
import json
import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from signaling.keys import KeyFolder, KeyFolderError
from signaling.tokens import AccessClaims, TokenError, Tokens

AUDIENCE = "https://meetings.example.se"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def tokens(folder: Path, clock: Clock, audience: str = AUDIENCE) -> Tokens:
    return Tokens(KeyFolder(folder).signing_keys(), audience=audience, clock=clock)


def access(made: Tokens) -> str:
    return made.issue_access(
        participant="p_1",
        role="officer",
        agency="skatteverket",
        meeting="m_1",
        station=2,
        jti="i_1.x",
        invitation="i_1",
    )[0]


def code_of(made: Tokens, token: str) -> str:
    with pytest.raises(TokenError) as caught:
        made.verify_access(token)
    return caught.value.code


def test_an_access_token_gives_back_what_was_put_in(tmp_path: Path) -> None:
    clock = Clock()
    made = tokens(tmp_path, clock)
    assert made.verify_access(access(made)) == AccessClaims(
        sub="p_1",
        role="officer",
        agency="skatteverket",
        meeting="m_1",
        station=2,
        jti="i_1.x",
        exp=clock.now + 600,
        invitation="i_1",
    )


def test_an_access_token_lasts_ten_minutes_and_not_longer(tmp_path: Path) -> None:
    clock = Clock()
    made = tokens(tmp_path, clock)
    token = access(made)
    clock.now += 599
    made.verify_access(token)
    clock.now += 1
    assert code_of(made, token) == "token_expired"


def test_no_setting_makes_an_access_token_last_longer(tmp_path: Path) -> None:
    made = Tokens(KeyFolder(tmp_path).signing_keys(), audience=AUDIENCE, clock=Clock(), access_lifetime=86400)
    claims = {"participant": "p", "role": "host", "agency": None, "meeting": "m", "station": None, "jti": "j"}
    assert made.issue_access(**claims)[1] == 600  # type: ignore[arg-type]


def test_one_kind_of_token_is_never_taken_for_the_other(tmp_path: Path) -> None:
    made = tokens(tmp_path, Clock())
    staff, _ = made.issue_staff(sub="anna", name="Anna", role="host", sites=["gavle"])
    assert made.verify_staff(staff).sites == ("gavle",)
    assert code_of(made, staff) == "token_wrong_type"
    with pytest.raises(TokenError, match="door"):
        made.verify_staff(access(made))


@pytest.mark.parametrize(
    ("typ", "change"),
    [
        ("at+jwt", {"meeting": None}),
        ("at+jwt", {"station": "2"}),
        ("at+jwt", {"exp": "later"}),
        ("at+jwt", {"exp": float("nan")}),
        ("at+jwt", {"invitation": 7}),
        ("staff+jwt", {"name": None}),
        ("staff+jwt", {"sites": "gavle"}),
        ("staff+jwt", {"sites": ["gavle", 7]}),
    ],
    ids=str,
)
def test_what_another_version_of_the_service_signed_otherwise_is_refused(
    tmp_path: Path, typ: str, change: dict[str, object]
) -> None:
    made = tokens(tmp_path, Clock())
    key = KeyFolder(tmp_path).signing_keys()[0]
    staff, _ = made.issue_staff(sub="anna", name="Anna", role="host", sites=["gavle"])
    claims = jwt.decode(access(made) if typ == "at+jwt" else staff, options={"verify_signature": False})
    verify = made.verify_access if typ == "at+jwt" else made.verify_staff
    for broken in ({**claims, **change}, {name: claims[name] for name in claims if name not in change}):
        forged = jwt.encode(broken, key.private, "EdDSA", {"kid": key.kid, "typ": typ})
        with pytest.raises(TokenError) as caught:
            verify(forged)
        assert caught.value.code == "token_invalid"


def test_another_service_s_token_is_refused(tmp_path: Path) -> None:
    ours = tokens(tmp_path / "ours", Clock())
    assert code_of(ours, access(tokens(tmp_path / "theirs", Clock()))) == "token_invalid"
    same_key = tokens(tmp_path / "ours", Clock(), audience="https://elsewhere.example.se")
    assert code_of(ours, access(same_key)) == "token_invalid"


def test_unsigned_and_foreign_algorithms_are_refused(tmp_path: Path) -> None:
    made = tokens(tmp_path, Clock())
    key = KeyFolder(tmp_path).signing_keys()[0]
    claims = jwt.decode(access(made), options={"verify_signature": False})
    headers = {"kid": key.kid, "typ": "at+jwt"}
    unsigned = jwt.encode(claims, None, algorithm="none", headers=headers)
    public = json.dumps(key.jwk()) * 2
    confused = jwt.encode(claims, public, algorithm="HS256", headers=headers)
    assert code_of(made, unsigned) == "token_invalid"
    assert code_of(made, confused) == "token_invalid"


def test_a_key_inside_the_token_is_not_followed(tmp_path: Path) -> None:
    made = tokens(tmp_path, Clock())
    claims = jwt.decode(access(made), options={"verify_signature": False})
    attacker = Ed25519PrivateKey.generate()
    own = KeyFolder(tmp_path).signing_keys()[0]
    for headers in ({"kid": own.kid}, {"kid": "other"}, {"jwk": own.jwk()}, {"jku": "https://evil.example"}):
        forged = jwt.encode(claims, attacker, algorithm="EdDSA", headers={"typ": "at+jwt", **headers})
        assert code_of(made, forged) == "token_invalid"


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode())))
def test_any_text_is_either_a_token_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    made = tokens(tmp_path_factory.getbasetemp() / "any-text", Clock())
    assert code_of(made, text) == "token_invalid"


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_bit_is_seen(tmp_path_factory: pytest.TempPathFactory, position: int, flip: int) -> None:
    made = tokens(tmp_path_factory.getbasetemp() / "flipped", Clock())
    head, body, signature = access(made).split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[position % len(raw)] ^= flip
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"
    assert code_of(made, forged) == "token_invalid"


def test_tokens_outlive_a_restart_and_a_new_key(tmp_path: Path) -> None:
    token = access(tokens(tmp_path, Clock()))
    tokens(tmp_path, Clock()).verify_access(token)
    new = KeyFolder(tmp_path).rotate()
    again = tokens(tmp_path, Clock())
    again.verify_access(token)
    assert jwt.get_unverified_header(access(again))["kid"] == new.kid


def test_keys_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    folder.signing_keys()
    folder.sealing_key()
    files = sorted((tmp_path / "keys").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert folder.open_to_others() == []
    files[0].chmod(0o644)
    assert folder.open_to_others() == [files[0]]


def test_a_key_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "first.key.pem").write_text("nonsense")
    with pytest.raises(KeyFolderError, match=r"first\.key\.pem"):
        KeyFolder(tmp_path).signing_keys()
