"""The browser that the other tests here stand on: it starts, and it has a camera and a microphone."""

from pathlib import Path

from tests.e2e.conftest import NewPage

PAGE = """<!doctype html><title>devices</title><video autoplay muted></video><script>
const ask = {audio: true, video: {width: 320, height: 180, frameRate: 10}};
window.ready = navigator.mediaDevices.getUserMedia(ask).then((stream) => {
  document.querySelector('video').srcObject = stream;
  const {width, height, frameRate} = stream.getVideoTracks()[0].getSettings();
  return {width, height, frameRate, audio: stream.getAudioTracks().length};
});
</script>"""


async def test_a_page_gets_a_small_fake_picture_and_sound(new_page: NewPage, artifacts: Path) -> None:
    page = await new_page()
    await page.route("http://localhost/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    await page.goto("http://localhost/")
    assert await page.evaluate("window.ready") == {"width": 320, "height": 180, "frameRate": 10, "audio": 1}
    await page.wait_for_function("document.querySelector('video').currentTime > 0.2")
    await page.screenshot(path=artifacts / "devices.png")


async def test_pages_of_two_browsers_share_nothing(new_page: NewPage, console: list[str]) -> None:
    first, second = await new_page(), await new_page()
    for page in (first, second):
        await page.route(
            "http://localhost/", lambda route: route.fulfill(body=PAGE, content_type="text/html")
        )
        await page.goto("http://localhost/")
    await first.evaluate("document.cookie = 'name=value'; console.log('set')")
    assert await second.evaluate("document.cookie") == ""
    assert "log: set" in console
