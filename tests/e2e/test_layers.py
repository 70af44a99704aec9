"""The sizes of a camera in Chromium: a page gets the one that it shows, what nobody shows is not sent."""

from tests.e2e.people import Meeting
from tests.e2e.sizes import SMALL_TILE, resize, shows

A = 1
CATCH = """
window.__connections = [];
const Native = RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...given) { super(...given); window.__connections.push(this); }
};
"""
SENDS = """async (wanted) => {
  const found = {};
  for (const connection of window.__connections) for (const one of (await connection.getStats()).values()) {
    if (one.type === "outbound-rtp" && one.kind === "video") found[one.rid] = one.active;
  }
  return JSON.stringify(found, Object.keys(found).sort()) === wanted && found;
}"""


async def test_a_page_gets_the_size_that_it_shows_and_nobody_sends_another(meeting: Meeting) -> None:
    newcomer = await meeting.arrive()
    await newcomer.page.add_init_script(CATCH)
    link = await meeting.link("newcomer", name="Samira", language="sv")
    await newcomer.page.goto(f"{link}?picture=640x360@10")
    await newcomer.join()
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.start(A)
    large = await officer.sees(await newcomer.participant(), deadline=20)
    assert large["shown"] > 400
    await shows(officer, 640)
    await newcomer.until(SENDS, '{"r0":true,"r1":true}', deadline=20)

    await resize(officer, SMALL_TILE)
    await shows(officer, 320)
    await newcomer.until(SENDS, '{"r0":true,"r1":false}', deadline=20)

    await resize(officer)
    await shows(officer, 640)
    await officer.sees(await newcomer.participant())
    await newcomer.until(SENDS, '{"r0":true,"r1":true}', deadline=5)
