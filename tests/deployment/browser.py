"""A Chromium in the office, that knows the name of the site and its certificate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.deployment.network import SITE
from tests.deployment.stack import SITE_NAME, Stack
from tests.e2e.conftest import FLAGS, chromium
from tests.support.certificates import key_mark

NOTE_PATHS = """
window.__peers = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...given) { super(...given); window.__peers.push(this); }
};
"""

TAKES = """async (path) => {
  const found = new Set();
  for (const peer of window.__peers) {
    const stats = new Map((await peer.getStats()).entries());
    for (const one of stats.values()) {
      const pair = one.type === "transport" && stats.get(one.selectedCandidatePairId);
      const local = pair && stats.get(pair.localCandidateId);
      if (local) found.add(`${local.candidateType} ${local.relayProtocol ?? local.protocol}`);
    }
  }
  return found.size === 1 && found.has(path);
}"""
"""Whether all of the page's media goes this way: `host udp`, `relay tls` and so on."""


@asynccontextmanager
async def browser(stack: Stack, folder: Path) -> AsyncIterator[Browser]:
    program = folder / "chromium-in-the-office"
    program.write_text(f'#!/bin/sh\nexec {" ".join(stack.net.office)} {chromium()} "$@"\n')
    program.chmod(0o700)
    flags = (
        *FLAGS,
        f"--host-resolver-rules=MAP {SITE_NAME} {SITE}",
        f"--ignore-certificate-errors-spki-list={key_mark(stack.cert)}",
    )
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=str(program), args=list(flags), chromium_sandbox=False
        )
        try:
            yield opened
        finally:
            await opened.close()
