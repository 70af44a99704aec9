"""The command `motesrum` with faults in it that quote what they were working on, each in another way."""

import asyncio
import threading
from typing import Any, NoReturn

from aiohttp import web
from pydantic import BaseModel

from signaling import handlers, sign_in
from signaling.api import service
from signaling.api.route import Call, Reply


class Strict(BaseModel):
    number: int


def explode(quoted: str) -> NoReturn:
    raise ValueError(f"cannot go on with {quoted}")


async def explode_later(quoted: str) -> None:
    explode(quoted)


def scatter(quoted: str) -> None:
    """Faults outside of any call: in a callback, in a task that nobody waits for, in a thread."""
    loop = asyncio.get_running_loop()
    loop.call_soon(explode, quoted)
    forgotten = [loop.create_task(explode_later(quoted))]
    loop.call_later(0.1, forgotten.clear)
    threading.Thread(target=explode, args=(quoted,)).start()


async def ready(device: Any, params: Any) -> dict[str, Any]:
    state = device.live.current
    quoted = f"{state.alias} {state.participants[device.participant].name} {device.session.grant}"
    scatter(quoted)
    try:
        Strict.model_validate({"number": quoted})
    except ValueError as error:
        raise RuntimeError(quoted) from error
    return {}


async def catalogue(call: Call) -> Reply:
    raise KeyError({**call.request.headers, **call.request.cookies, "name": call.caller.name})


async def sign_out(request: web.Request) -> web.Response:
    raise OSError(5, str(dict(request.cookies)), str(request.rel_url))


handlers.HANDLERS["meeting.ready"] = ready
service.catalogue = catalogue
sign_in.sign_out = sign_out

if __name__ == "__main__":
    from signaling.cli import app

    app()
