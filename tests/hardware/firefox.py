"""Debian's firefox-esr, driven by WebDriver BiDi (W3C): commands and events as JSON over a
websocket."""

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PREFERENCES = 'user_pref("ui.prefersReducedMotion", 1);\n'
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """`async with Firefox() as fox:` one tab without a window; `said` is what its console says,
    `asked` its requests."""

    async def __aenter__(self):
        connect = pytest.importorskip(
            "tornado.websocket", reason="no tornado; it comes with distributed"
        ).websocket_connect
        if FIREFOX is None:
            pytest.skip("no firefox; Debian package: firefox-esr")
        self.folder, self.said, self.asked, self.number = tempfile.TemporaryDirectory(), [], [], 0
        (Path(self.folder.name) / "user.js").write_text(PREFERENCES)
        command = [
            FIREFOX,
            "--headless",
            "--no-remote",
            "--profile",
            self.folder.name,
            "--remote-debugging-port",
            "0",
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        line = ""
        while "BiDi listening" not in line:
            line = await asyncio.to_thread(self.process.stderr.readline)
            assert line, "firefox ended before it listened"
        self.socket = await connect(
            re.search(r"ws://\S+", line)[0] + "/session", max_message_size=1 << 26
        )
        await self.send("session.new", capabilities={})
        await self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        # of the first tab, the address bar has the keyboard: Enter and space would press no button
        self.tab = (await self.send("browsingContext.create", type="tab"))["context"]
        return self

    async def __aexit__(self, *_):
        self.socket.close()
        self.process.terminate()
        await asyncio.to_thread(self.process.wait)
        self.process.stderr.close()
        self.folder.cleanup()

    async def send(self, method: str, **params):
        self.number += 1
        await self.socket.write_message(
            json.dumps({"id": self.number, "method": method, "params": params})
        )
        while True:
            found = json.loads(await self.socket.read_message())
            if found.get("method") == "log.entryAdded":
                self.said.append(found["params"]["text"])
            elif found.get("method") == "network.beforeRequestSent":
                self.asked.append(found["params"]["request"]["url"])
            elif found.get("id") == self.number:
                assert found["type"] == "success", found
                return found["result"]

    async def open(self, url: str, width: int | None = None, height: int | None = None) -> None:
        """An address, in a window of this size."""
        if width is not None:
            view = {"width": width, "height": height}
            await self.send("browsingContext.setViewport", context=self.tab, viewport=view)
        await self.send("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    async def evaluate(self, expression: str):
        """What JavaScript gives, by way of JSON."""
        found = await self.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.tab},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    async def until(self, expression: str) -> None:
        for _ in range(1200):
            if await self.evaluate(expression):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never: {expression}")

    async def draw(self, strokes) -> None:
        """With the mouse, points in shares of the square, as `browser.draw`; then enter shows the
        drawing."""
        box = await self.evaluate(
            "document.querySelector('#paper').getBoundingClientRect().toJSON()"
        )
        actions = []
        for stroke in strokes:
            moves = [
                {
                    "type": "pointerMove",
                    "x": round(box["x"] + x * box["width"]),
                    "y": round(box["y"] + y * box["height"]),
                }
                for x, y in stroke
            ]
            actions += [
                moves[0],
                {"type": "pointerDown", "button": 0},
                *moves[1:],
                {"type": "pointerUp", "button": 0},
            ]
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        await self.send("input.performActions", context=self.tab, actions=[mouse])
        before = await self.evaluate("minisnn.seen?.number ?? -1")
        await self.evaluate("document.querySelector('#look').click()")
        await self.until(
            f"minisnn.seen?.number > {before} && !document.querySelector('#answer').ariaBusy"
        )
