"""A process watched by its descriptor, whether we have started it or found it. It can outlive us."""

import asyncio
import contextlib
import os
import signal
from typing import Self


class Process:
    """Asked to end by `terminate`, ended by `kill`; what is `forget`ten runs on, for another to find."""

    def __init__(self, pid: int, *, child: bool = False) -> None:
        """ProcessLookupError when it is gone."""
        self.pid = pid
        self.returncode: int | None = None
        self._child = child
        self._descriptor = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._descriptor, self._end)

    @classmethod
    def spawn(cls, arguments: list[str], inherited: int) -> Self:
        """In a session of its own, without input, and with one descriptor more than output and errors."""
        os.set_inheritable(inherited, True)
        nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        pid = os.posix_spawn(
            arguments[0], arguments, os.environ, file_actions=[nothing], setsid=True, setsigmask=[]
        )
        return cls(pid, child=True)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def forget(self) -> None:
        """Idempotent."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _send(self, number: int) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def _end(self) -> None:
        self.returncode = self._status() if self._child else 0
        self.forget()
        self._ended.set()

    def _status(self) -> int:
        """How it ended is only told to its parent: the exit code, or the signal as a negative number."""
        told = os.waitid(os.P_PIDFD, self._descriptor, os.WEXITED)
        assert told is not None
        return told.si_status if told.si_code == os.CLD_EXITED else -told.si_status
