"""Firefox as a person's browser, driven over WebDriver BiDi: as much of it as tests need.

async with Firefox(folder) as firefox:
    tab = await firefox.open_tab()
    await tab.goto(url)
    await tab.press("join-button")
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest

STARTED = 60.0
ANSWERED = 30.0
CLOSED = 20.0
LISTENING = "WebDriver BiDi listening on "

PREFERENCES = {
    "remote.active-protocols": 1,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
}
"""Devices that are not real and need no permission, and media over loopback."""

RUN = """(async () => {
  const it = %s;
  const seen = typeof it === 'function' ? await it(%s) : await it;
  return JSON.stringify(seen ?? null);
})()"""

PRESS_AND_RELEASE = (
    {"type": "pointerDown", "button": 0},
    {"type": "pointerUp", "button": 0},
)


def firefox() -> str:
    """The path of the browser."""
    named = os.environ.get("FIREFOX")
    for name in (named,) if named else ("firefox-esr", "firefox"):
        if found := shutil.which(name):
            return found
    pytest.fail(
        "Firefox is missing: install Debian's package firefox-esr, or name one in FIREFOX", pytrace=False
    )


def pulseaudio() -> str:
    if found := shutil.which("pulseaudio"):
        return found
    pytest.fail("Firefox needs a sound server: install Debian's package pulseaudio", pytrace=False)


class Firefox:
    """What it writes lies in `folder`. `errors`: what pages wrote as errors, or threw.

    It mixes no sound on a machine without a sound card, so it has a sound server that plays into nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.errors: list[str] = []
        self._folder = folder
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            url = await self._start(stack)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            self._socket = await http.ws_connect(f"{url}/session", max_msg_size=0)
            reading = asyncio.create_task(self._read())
            stack.push_async_callback(_ended, reading)
            await self.call("session.new", capabilities={})
            await self.call("session.subscribe", events=["log.entryAdded"])
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def open_tab(self) -> "Tab":
        """In a browser of its own as far as cookies and storage go."""
        person = await self.call("browser.createUserContext")
        made = await self.call("browsingContext.create", type="tab", userContext=person["userContext"])
        return Tab(self, made["context"])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result, or AssertionError with what Firefox says."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(ANSWERED):
            answer = await waiting
        assert answer["type"] == "success", f"{method}: {answer.get('error')}: {answer.get('message')}"
        result: dict[str, Any] = answer["result"]
        return result

    async def _start_sound(self, stack: contextlib.AsyncExitStack) -> str:
        """The address of the sound server."""
        socket = self._folder / "sound"
        process = await asyncio.create_subprocess_exec(
            *(pulseaudio(), "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
            f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
            "--load=module-null-sink",
            env={**os.environ, "HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder)},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        stack.push_async_callback(_gone, process)
        async with asyncio.timeout(STARTED):
            while not socket.exists():
                assert process.returncode is None, "the sound server has ended by itself"
                await asyncio.sleep(0.02)
        return f"unix:{socket}"

    async def _start(self, stack: contextlib.AsyncExitStack) -> str:
        """The address at which it listens."""
        sound = await self._start_sound(stack)
        profile = self._folder / "profile"
        profile.mkdir()
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()
        )
        (profile / "user.js").write_text("".join(lines))
        process = await asyncio.create_subprocess_exec(
            *(firefox(), "--headless", "--no-remote", "--profile", str(profile)),
            *("--remote-debugging-port", "0", "about:blank"),
            env={**os.environ, "HOME": str(self._folder), "PULSE_SERVER": sound},
            stdout=DEVNULL,
            stderr=PIPE,
        )
        stack.push_async_callback(_gone, process)
        assert process.stderr is not None
        async with asyncio.timeout(STARTED):
            async for line in process.stderr:
                if LISTENING in (said := line.decode(errors="replace")):
                    draining = asyncio.create_task(process.stderr.read())
                    stack.push_async_callback(_ended, draining)
                    return said.partition(LISTENING)[2].strip()
        raise AssertionError("Firefox has ended by itself")

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            waiting = self._waiting.pop(told.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(told)
            elif told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.errors.append(str(told["params"]["text"]))


class Tab:
    """Has the shape of Playwright's `Page` as far as `tests.e2e.people` asks it something."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def goto(self, url: str) -> None:
        await self._firefox.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def reload(self) -> None:
        await self._firefox.call("browsingContext.reload", context=self._context, wait="complete")

    async def close(self) -> None:
        await self._firefox.call("browsingContext.close", context=self._context)

    async def evaluate(self, expression: str, value: Any = None) -> Any:
        """What the expression is, or its function gives for `value`."""
        answer = await self._script(RUN % (expression, json.dumps(value)))
        return json.loads(answer["value"])

    async def press(self, testid: str) -> None:
        """A click as a person makes it, once the element is there."""
        selector = json.dumps(f'[data-testid="{testid}"]')
        found = await self._script(f"""new Promise((there) => {{
          const look = () => {{
            const element = document.querySelector({selector});
            if (!element?.checkVisibility() || element.disabled) return setTimeout(look, 30);
            element.scrollIntoView({{block: 'center'}});
            there(element);
          }};
          look();
        }})""")
        at = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": found}}
        mouse = {"type": "pointer", "id": "mouse", "actions": [at, *PRESS_AND_RELEASE]}
        await self._firefox.call("input.performActions", context=self._context, actions=[mouse])

    async def _script(self, source: str) -> dict[str, Any]:
        answer = await self._firefox.call(
            "script.evaluate", expression=source, target={"context": self._context}, awaitPromise=True
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        result: dict[str, Any] = answer["result"]
        return result


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _gone(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(CLOSED):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
