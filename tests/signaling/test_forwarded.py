"""Whose request it is, behind a proxy: limits by address are for people, not for the proxy."""

from pathlib import Path

import pytest

from signaling.forwarded import caller
from tests.support.rest import service

PROXIES = ("127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "chain", "found"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("203.0.113.9", "203.0.113.7", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "not an address", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_only_proxies_of_ours_are_believed(peer: str, chain: str, found: str) -> None:
    assert caller(peer, chain, PROXIES) == found


@pytest.mark.parametrize(("proxies", "told_apart"), [(("127.0.0.1",), True), ((), False)])
async def test_limits_by_address_are_those_of_whom_the_proxy_speaks_for(
    tmp_path: Path, proxies: tuple[str, ...], told_apart: bool
) -> None:
    async with service(tmp_path, trusted_proxies=proxies, limits={"redemptions_per_minute": 2}) as it:

        async def status(address: str) -> int:
            async with it.http.post(
                it.url + "/api/v1/token", json={"code": "x" * 22}, headers={"X-Forwarded-For": address}
            ) as answer:
                return answer.status

        first = [await status("203.0.113.7") for _ in range(3)]
        assert first[-1] == 429
        assert (await status("203.0.113.8") != 429) == told_apart
