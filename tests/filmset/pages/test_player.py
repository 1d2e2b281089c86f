"""The player in a real browser, where there is one: what is seen, heard and shown after keys and clicks."""

import json
import os
import shutil
import subprocess
import time

import pytest

from filmset.pages.index import write_pages

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")]

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--autoplay-policy=document-user-activation-required", "--remote-debugging-pipe"),
)


class Browser:
    """A browser spoken to over a pipe, in the DevTools protocol."""

    def __init__(self, home) -> None:
        read_end, self._write = os.pipe()
        self._read, write_end = os.pipe()
        flags = " ".join([*_FLAGS, f"--user-data-dir={home}"])
        command = f"exec {BROWSER} {flags} about:blank 3<&{read_end} 4>&{write_end}"
        self._process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(read_end, write_end), stderr=subprocess.DEVNULL
        )
        os.close(read_end)
        os.close(write_end)
        self._rest, self._count, self._session = b"", 0, None
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._count:
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]))
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> dict:
        while b"\0" not in self._rest:
            self._rest += os.read(self._read, 1 << 16)
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def value(self, script: str):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, limit_s: float = 20.0) -> None:
        end = time.monotonic() + limit_s
        while not self.value(script):
            assert time.monotonic() < end, f"still not: {script}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def click(self, place: tuple[float, float]) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read)
        os.close(self._write)


_STATE = """(() => {
  const video = document.querySelector("video"), sounds = [...document.querySelectorAll("audio")];
  return { time: video.currentTime, paused: video.paused, silent: video.muted,
    heard: sounds.map((one, index) => [one.muted, index]).filter((one) => !one[0]).map((one) => one[1]),
    gaps: sounds.map((one) => one.currentTime - video.currentTime), running: sounds.map((one) => !one.paused),
    pressed: [...document.querySelectorAll("button[data-track]")].map((one) => one.ariaPressed),
    lanes: [...document.querySelectorAll(".lines[data-track]")].map((one) => one.checkVisibility()),
    subtitle: document.getElementById("subtitles").textContent,
    now: [...document.querySelectorAll("#subtitles .now")].map((one) => one.textContent).join(),
    row: [...document.querySelectorAll("tr.now")].length, frame: document.getElementById("frame").textContent,
    playhead: parseFloat(document.getElementById("playhead").style.left) };
})()"""


@pytest.fixture(scope="module")
def site(planted_filmset):
    return write_pages(planted_filmset, planted_filmset.folder / "page", 1).parent


@pytest.fixture
def browser(site, tmp_path):
    opened = Browser(tmp_path)
    try:
        opened.call("Page.navigate", url=(site / "title-0000" / "index.html").as_uri())
        opened.until("document.readyState === 'complete' && document.querySelector('video').readyState >= 3")
        opened.until("[...document.querySelectorAll('audio')].every((one) => one.readyState >= 3)")
        yield opened
        assert not opened.errors
    finally:
        opened.close()


def test_tracks_switch_while_it_plays_and_stay_in_time(browser):
    browser.press(" ")
    browser.until("document.querySelector('video').currentTime > 0.6")
    before = browser.value(_STATE)
    assert not before["paused"] and before["silent"] and before["heard"] == [0]
    assert before["running"] == [True, True, True]
    assert before["subtitle"].startswith("a Wet") and before["now"] in ("Wet", "stone")
    browser.press("3")
    after = browser.value(_STATE)
    assert after["heard"] == [2] and after["pressed"] == ["false", "false", "true"]
    assert after["lanes"] == [False, False, True]
    assert 0 <= after["time"] - before["time"] < 0.5  # it neither stopped nor started again
    browser.until("document.querySelector('video').currentTime > 1.7")
    late = browser.value(_STATE)
    # A busy machine starts sounds late; the player brings them back while it plays.
    browser.until(f"{_STATE}.gaps.every((gap) => Math.abs(gap) < 0.08)", limit_s=3.0)
    assert not browser.value(_STATE)["paused"]
    assert late["subtitle"] == "" if late["time"] > 1.75 else True
    browser.press(" ")
    assert browser.value(_STATE)["paused"]
    browser.until("[...document.querySelectorAll('audio')].every((one) => one.paused)")


def test_a_sound_that_has_drifted_comes_back(browser):
    browser.press(" ")
    browser.until("document.querySelector('video').currentTime > 0.3")
    browser.value("void (document.querySelectorAll('audio')[0].currentTime += 1.5)")
    browser.value("void (document.querySelectorAll('audio')[1].currentTime += 0.12)")
    browser.until("document.querySelector('video').currentTime > 4.2")
    gaps = browser.value(_STATE)["gaps"]
    assert max(map(abs, gaps)) < 0.08


def test_every_way_to_seek_moves_picture_sounds_and_truth(browser):
    area = browser.value(
        "(() => { document.getElementById('timeline').scrollIntoView();"
        " const a = document.querySelector('.row.shots').getBoundingClientRect();"
        " return [a.left, a.top, a.width, a.height]; })()"
    )
    browser.click((area[0] + area[2] * 0.45, area[1] + area[3] / 2))
    browser.until("!document.querySelector('video').seeking")
    state = browser.value(_STATE)
    assert state["time"] == pytest.approx(0.45 * 6.0, abs=0.03) and state["playhead"] == pytest.approx(
        45, abs=0.5
    )
    assert max(map(abs, state["gaps"])) < 0.01
    assert state["subtitle"] == "b Look, the sea." and state["now"] == "Look" and state["row"] == 1
    browser.press(".")
    browser.until("document.getElementById('frame').textContent === 'frame 68'")
    browser.value("document.querySelector('button[data-row=\"0\"]').click()")
    browser.until("document.getElementById('frame').textContent === 'frame 12'")
    browser.press("2")
    assert browser.value(_STATE)["subtitle"] == "a 海が見える。"
    browser.value("void document.getElementById('ruler').focus()")
    browser.press("End")
    browser.until("document.getElementById('frame').textContent === 'frame 149'")


def test_the_boxes_lie_on_what_they_name(browser):
    """In a screenshot: the mouth, white in the picture, is framed where the camera has moved it."""
    import base64
    import io

    import numpy as np
    from PIL import Image

    browser.value("void (location.hash = '#t=3.5')")
    browser.until(
        "document.querySelector('video').currentTime > 3.4 && !document.querySelector('video').seeking"
    )
    time.sleep(0.3)
    place = browser.value(
        "(() => { document.querySelector('.screen').scrollIntoView();"
        " const a = document.querySelector('.screen').getBoundingClientRect();"
        " return [a.left + scrollX, a.top + scrollY, a.width, a.height]; })()"
    )
    clip = dict(zip(("x", "y", "width", "height"), place, strict=True)) | {"scale": 1}

    def picture() -> np.ndarray:
        shot = browser.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("L"), int)

    with_boxes = picture()
    browser.press("b")
    time.sleep(0.2)
    without = picture()
    mouth = np.argwhere(without > 200)
    drawn = np.argwhere(np.abs(with_boxes - without) > 60)
    (top, left), (bottom, right) = mouth.min(axis=0), mouth.max(axis=0)
    inside = drawn[(np.abs(drawn - mouth.mean(axis=0)) < 60).all(axis=1)]
    assert len(inside) > 20
    assert np.abs(inside[:, 1].min() - left) <= 4 and np.abs(inside[:, 1].max() - right) <= 4
    assert np.abs(inside[:, 0].max() - bottom) <= 4 and top > 0


def test_nothing_is_asked_of_the_network(browser, site):
    browser.press(" ")
    browser.until("document.querySelector('video').currentTime > 0.2")
    assert browser.requests and all(url.startswith(site.as_uri()) for url in browser.requests)
