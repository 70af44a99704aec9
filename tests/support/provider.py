"""An OpenID provider for tests: real redirects, PKCE checked, and lies on demand."""

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT, SECRET = "motesrum", "a-client-secret"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Provider:
    """`claims` go over what is true; `says_no`: the person does not agree."""

    url: str = ""
    groups: list[str] = field(default_factory=lambda: ["vardar"])
    claims: dict[str, Any] = field(default_factory=dict)
    says_no: bool = False
    signs_with: ec.EllipticCurvePrivateKey | None = None
    signed_out: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/end", self._end)
        return app

    async def _describe(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "end_session_endpoint": f"{self.url}/end",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = request.query
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        answer = {"state": asked["state"]}
        if self.says_no:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(8)
            self._codes[answer["code"]] = dict(asked)
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        sent = await request.post()
        begun = self._codes.pop(str(sent["code"]), None)
        hashed = hashlib.sha256(str(sent.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = request.headers.get("Authorization") == basic
        if begun is None or challenge != begun["code_challenge"] or not known:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "lena",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            "name": "Lena Ek",
            "groups": self.groups,
            **self.claims,
        }
        token = jwt.encode(claims, self.signs_with or self.key, "ES256", {"kid": "one"})
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": token})

    async def _keys(self, _: web.Request) -> web.Response:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**jwk, "kid": "one", "use": "sig", "alg": "ES256"}]})

    async def _end(self, request: web.Request) -> web.Response:
        self.signed_out += 1
        raise web.HTTPFound(request.query["post_logout_redirect_uri"])


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    runner = web.AppRunner(made.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def settings_of(made: Provider, **changes: Any) -> dict[str, Any]:
    return {
        "issuer": made.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name": "Kommunen",
        "groups": {
            "vardar": {"role": "host", "sites": ["norrkoping"]},
            "skatt": {"role": "agency_admin", "agency": "skatteverket"},
        },
        **changes,
    }
