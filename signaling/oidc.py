"""Sign-in of staff by OpenID Connect: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0,
section 3.1; RFC 7636). Which group of the provider's may do what stands in the settings."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.settings import Oidc
from rooms.store.base import Records
from signaling.codes import digest
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.staff import Person

log = structlog.get_logger(__name__)

BEGUN = "oidc_sign_in"
LIFETIME = 600.0
"""Seconds for signing in at the provider."""
TIMEOUT = 10.0
SKEW = 60
ALGORITHMS = ["RS256", "PS256", "ES256"]
CALLBACK = "/sign-in/callback"
DESCRIPTION = "/.well-known/openid-configuration"


class OidcError(ServiceError):
    """`code`: sign_in_expired, sign_in_refused, sign_in_no_role."""


class OidcSignIn:
    def __init__(
        self, settings: Oidc, *, records: Records, public_url: str, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._records = records
        self._redirect_uri = public_url + CALLBACK
        self._home = public_url + "/"
        self._clock = clock
        self._provider: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self._settings.name

    async def begin(self) -> tuple[str, str]:
        """Where the browser goes, and what its cookie holds meanwhile. Raises ServiceUnavailable."""
        provider = await self._described()
        browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        async with self._client() as client:
            address, state = client.create_authorization_url(
                provider["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        begun = {"nonce": nonce, "verifier": verifier, "browser": digest(browser)}
        await self._records.put_if_absent(BEGUN, digest(state), begun, self._clock() + LIFETIME)
        return str(address), browser

    async def finish(self, answer: Mapping[str, str], browser: str | None) -> Person:
        """What the provider sent the browser back with becomes a person, once. Raises OidcError,
        ServiceUnavailable."""
        state = answer.get("state", "")
        begun = await self._records.get(BEGUN, digest(state))
        if begun is None or browser is None or begun.value["browser"] != digest(browser):
            raise OidcError("sign_in_expired", "this sign-in was not begun here, or too long ago")
        if not await self._records.delete(BEGUN, digest(state)):
            raise OidcError("sign_in_expired", "this sign-in has been finished")
        if "code" not in answer:
            raise OidcError("sign_in_refused", "the provider has refused to sign you in")
        return self._person(await self._claims(answer["code"], begun.value))

    async def sign_out_address(self) -> str | None:
        """Where the browser signs out at the provider too (OpenID Connect RP-Initiated Logout 1.0)."""
        try:
            end = (await self._described()).get("end_session_endpoint")
        except ServiceUnavailable:
            return None
        query = f"client_id={self._settings.client_id}&post_logout_redirect_uri={self._home}"
        return f"{end}?{query}" if isinstance(end, str) else None

    async def _claims(self, code: str, begun: Mapping[str, Any]) -> dict[str, Any]:
        provider = await self._described()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    provider["token_endpoint"], code=code, code_verifier=begun["verifier"]
                )
                keys = KeySet.import_key_set(
                    (await client.request("GET", provider["jwks_uri"], withhold_token=True)).json()
                )
            read = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": provider["issuer"]},
                    "aud": {"essential": True, "value": self._settings.client_id},
                    "nonce": {"essential": True, "value": begun["nonce"]},
                },
                params={"nonce": begun["nonce"], "client_id": self._settings.client_id},
            )
            claims.validate(now=int(self._clock()), leeway=SKEW)
        except HTTPError as error:
            raise _unreachable(error) from error
        except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
            log.warning("a sign-in is refused", why=type(error).__name__)
            raise OidcError("sign_in_refused", "the provider's answer cannot be trusted") from error
        return dict(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        """The first group of the settings that the person belongs to says what they may do."""
        groups = claims.get(self._settings.groups_claim, [])
        for group, given in self._settings.groups.items():
            if isinstance(groups, list) and group in groups:
                sub = "o_" + digest(f"{claims['iss']} {claims['sub']}")[:24]
                name = str(claims.get("name") or claims.get("preferred_username") or "")[:100]
                return Person(sub, name, given.role, given.sites, given.agency)
        raise OidcError("sign_in_no_role", "you are signed in there, but have no part here")

    async def _described(self) -> Mapping[str, Any]:
        """The provider's own description (OpenID Connect Discovery 1.0), read once."""
        if self._provider is None:
            issuer = self._settings.issuer.rstrip("/")
            try:
                async with self._client() as client:
                    answer = await client.request(
                        "GET", f"{issuer}/.well-known/openid-configuration", withhold_token=True
                    )
                    found = answer.raise_for_status().json()
            except (HTTPError, ValueError) as error:
                raise _unreachable(error) from error
            if str(found.get("issuer", "")).rstrip("/") != issuer:
                raise ServiceUnavailable("sign_in_unavailable", "the provider calls itself otherwise")
            self._provider = found
        return self._provider

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret,
            scope=self._settings.scope,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT,
        )


def _unreachable(error: Exception) -> ServiceUnavailable:
    log.warning("the sign-in provider does not answer", why=type(error).__name__)
    return ServiceUnavailable("sign_in_unavailable", "the sign-in provider does not answer; try again")
