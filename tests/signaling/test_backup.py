"""The recovery drill: a backup while the service runs, the machine lost, all of it back on another one."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.redis import Redis
from tests.support.command import refused, run
from tests.support.redis_process import RedisProcess
from tests.support.service import Refused, Service, service

PUBLIC = "https://meetings.example.se"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path / "redis").running() as process:
        yield process


class Site:
    """A data folder and the settings of its service, for the command line and in this process."""

    def __init__(self, folder: Path, store: str, redis: RedisProcess) -> None:
        folder.mkdir()
        self.data = folder / "data"
        self.config = folder / "motesrum.toml"
        self._url, self._prefix = f"redis://127.0.0.1:{redis.port}", folder.name
        self._store = store
        self.config.write_text(
            f'store = "{store}"\n[redis]\nurl = "{self._url}"\nprefix = "{self._prefix}"\n', "utf-8"
        )

    @property
    def flags(self) -> tuple[str, ...]:
        return "--config", str(self.config), "--data", str(self.data)

    def service(self) -> Any:
        redis = Redis(url=self._url, prefix=self._prefix)
        return service(self.data, store=self._store, redis=redis, public_url=PUBLIC)


async def come_in(it: Service, code: str) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{it.url}/api/v1/token", json={"code": code}) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("store", ["sqlite", "redis"])
async def test_what_a_backup_holds_is_back_on_a_new_machine(
    tmp_path: Path, redis: RedisProcess, store: str
) -> None:
    site, file = Site(tmp_path / "before", store, redis), tmp_path / "monday"
    async with site.service() as it:
        meeting = (await it.meeting())["id"]
        used, unused = await it.invite(meeting, "host"), await it.invite(meeting, "newcomer")
        assert await come_in(it, used["code"]) == 200

        ended = await run("backup", str(file), *site.flags)

        assert (ended.code, ended.err) == (0, ""), ended
        assert "and their chains are whole" in ended.out
        await it.rest("POST", f"/meetings/{meeting}/end")
        token = it.staff_token
    keys = file.with_name("monday.keys")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, keys)} == {0o600}
    assert "there is a file" in await refused("backup", str(file), *site.flags)

    new = Site(tmp_path / "after", store, redis)
    elsewhere = keys.rename(tmp_path / "safe.keys")
    assert "No such file" in await refused("restore", str(file), *new.flags)
    ended = await run("restore", str(file), "--keys", str(elsewhere), *new.flags)
    assert (ended.code, ended.err) == (0, ""), ended

    async with new.service() as it:
        it.staff_token = token
        shown = await it.rest("GET", f"/meetings/{meeting}")
        assert (shown["state"], shown["alias"]) == ("planned", "Samira")
        assert await come_in(it, unused["code"]) == 200
        assert await come_in(it, used["code"]) == 410
        assert await it.services.store.events.verify() == []
        await it.rest("POST", f"/meetings/{meeting}/stations/1/start")
        assert "another service uses" in await refused("restore", str(file), *new.flags)
    assert "is not empty" in await refused("restore", str(file), "--keys", str(elsewhere), *new.flags)


async def test_a_site_moves_to_redis_and_back(tmp_path: Path, redis: RedisProcess) -> None:
    site = Site(tmp_path / "site", "sqlite", redis)
    async with site.service() as it:
        meeting = (await it.meeting())["id"]
        code = (await it.invite(meeting, "newcomer"))["code"]
        assert "another service uses" in await refused(
            "store", "copy", "--from", "sqlite", "--to", "redis", *site.flags
        )
    heads = tmp_path / "heads.json"
    heads.write_text((await run("audit", "heads", *site.flags)).out)

    assert (await run("store", "copy", "--from", "sqlite", "--to", "redis", *site.flags)).code == 0

    moved = Site(tmp_path / "moved", "redis", redis)
    moved.data, moved._prefix = site.data, site._prefix
    moved.config.write_text(site.config.read_text().replace('"sqlite"', '"redis"'))
    assert (await run("audit", "verify", "--heads", str(heads), *moved.flags)).code == 0
    async with moved.service() as it:
        await it.rest("POST", f"/meetings/{meeting}/stations/1/start")
        assert await come_in(it, code) == 200
    back = str(tmp_path / "back.sqlite")
    assert (await run("store", "copy", "--from", "redis", "--to", back, *moved.flags)).code == 0
    assert "is not empty" in await refused("store", "copy", "--from", "redis", "--to", "sqlite", *moved.flags)
    for path in site.data.glob("motesrum.*"):
        path.unlink()
    assert (await run("store", "copy", "--from", back, "--to", "sqlite", *moved.flags)).code == 0
    async with site.service() as it:
        shown = await it.rest("GET", f"/meetings/{meeting}")
        assert shown["stations"][0]["state"] == "active"
        with pytest.raises(Refused):
            await it.rest("POST", f"/meetings/{meeting}/stations/9/start")
        assert await it.services.store.events.verify() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("store", "copy", "--from", "sqlite", "--to", "sqlite"), "is where it comes from"),
        (("store", "copy", "--from", "sqlite", "--to", "redsi"), "neither sqlite, redis nor"),
        (("store", "copy", "--from", "none.sqlite", "--to", "redis"), "there is no database"),
        (("store", "copy", "--from", "sqlite", "--to", "redis"), "do not say where Redis is"),
        (("backup", "out"), "redis.key"),
    ],
)
async def test_a_mistake_is_one_clear_line(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    config = tmp_path / "motesrum.toml"
    config.write_text(
        "" if "do not say" in told else 'store = "redis"\n[redis]\nurl = "redis://127.0.0.1:1"\n'
    )
    line = await refused(*words, "--config", str(config), "--data", str(tmp_path / "data"))
    assert told in line
