"""Debian's chromium without a screen, driven by its own protocol."""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import time
from pathlib import Path

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"),
)


class Tab:
    """One tab of a browser: pages, mouse, keys and screenshots."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 800):
        assert CHROMIUM is not None
        self._folder, self._numbers = folder, itertools.count(1)
        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"], stderr=subprocess.DEVNULL
        )
        self._loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self._loop.run_until_complete(self._connect())
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    async def _connect(self) -> None:
        noted, until = self._folder / "DevToolsActivePort", time.monotonic() + 60
        while not noted.exists() or not noted.read_text().strip():
            assert time.monotonic() < until, "chromium does not start"
            await asyncio.sleep(0.05)
        port = noted.read_text().split()[0]
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [each for each in await answer.json() if each["type"] == "page"]
        self._socket = await self._session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)

    def call(self, method: str, **parameters):
        """A command of the protocol, and its result."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    async def _call(self, method, parameters):
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = json.loads((await self._socket.receive()).data)
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(said["params"])[:600])

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        """The size of the page, light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=address)

    def value(self, expression: str):
        """What JavaScript says."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return result["result"].get("value")

    def wait(self, expression: str, seconds: float = 20) -> None:
        """Wait until JavaScript says yes."""
        until = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < until, (expression, self.value("document.body.innerText")[-400:], self.complaints)
            time.sleep(0.05)

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, release at the last."""
        mouse = {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=points[0][0], y=points[0][1], **mouse)
        for x, y in points[1:]:
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, buttons=1, button="left")
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=points[-1][0], y=points[-1][1], **mouse)

    def key(self, key: str, shift: bool = False) -> None:
        """Press a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            typed = text if kind == "keyDown" else ""
            modifiers = 8 * shift
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=typed,
                modifiers=modifiers,
                windowsVirtualKeyCode=code,
            )

    def click(self, x: float, y: float, alt: bool = False) -> None:
        """Press and release the mouse at one place."""
        for kind in ("mousePressed", "mouseReleased"):
            modifiers = int(alt)
            at = {"x": x, "y": y, "button": "left", "clickCount": 1, "modifiers": modifiers}
            self.call("Input.dispatchMouseEvent", type=kind, **at)

    def touch(self, *steps: list[tuple[float, float]]) -> None:
        """Fingers on the screen: where they are at each step, and then lifted."""
        for number, fingers in enumerate([*steps, []]):
            kind = "touchEnd" if not fingers else "touchStart" if not number else "touchMove"
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def screenshot(self, path: Path) -> None:
        """What is seen now."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._loop.run_until_complete(self._socket.close())
        self._loop.run_until_complete(self._session.close())
        self._loop.close()
        self._process.terminate()
        self._process.wait(timeout=30)
