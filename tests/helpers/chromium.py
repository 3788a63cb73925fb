"""A headless Chromium, spoken to through its DevTools protocol over a pipe: no packages needed."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "needs chromium (apt-get install chromium), which is not there"

_PATIENCE = 60  # seconds; a machine that trains at the same time is slow


@dataclass
class Page:
    """One tab. ``complaints`` holds what the page wrote to the console, and its errors."""

    read: int
    write: int
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    _last: int = 0
    _buffer: bytes = b""
    _events: set[str] = field(default_factory=set)

    def call(self, method: str, **parameters: object) -> dict:
        """One DevTools command; its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def show(self, place: Path | str, *, width: int, dark: bool = False, media: str = "screen") -> None:
        """Open a file, or an address, at a width in CSS pixels."""
        self.look(width=width, dark=dark, media=media)
        self.complaints.clear()
        self._events.clear()
        failed = self.call("Page.navigate", url=place if isinstance(place, str) else place.as_uri()).get("errorText")
        if failed:
            raise RuntimeError(f"{place}: {failed}")
        while "Page.loadEventFired" not in self._events:
            self._next()

    def look(self, *, width: int, dark: bool = False, media: str = "screen") -> None:
        """Change the width and the colour scheme of the open page."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=scheme)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )

    def ask(self, expression: str) -> object:
        """The value of a JavaScript expression in the page; a promise is awaited."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def pdf(self) -> bytes:
        """The page as it prints."""
        sheet = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(sheet["data"])

    def _next(self) -> dict:
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self.read], [], [], _PATIENCE)
            part = os.read(self.read, 1 << 16) if readable else b""
            if not part:
                raise RuntimeError("chromium ended" if readable else f"chromium was silent for {_PATIENCE} s")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer = json.loads(message)
        self._events.add(answer.get("method", ""))
        if answer.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(answer["params"]))
        return answer


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with an empty profile in the folder ``profile``, ended with all its processes."""
    assert PROGRAM is not None
    from_us, to_us = os.pipe(), os.pipe()  # the browser reads 3 and writes 4

    command = [
        "bash", "-c", f'exec "$@" 3<&{from_us[0]} 4>&{to_us[1]}', "bash",
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
        f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, pass_fds=(from_us[0], to_us[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    os.close(from_us[0])
    os.close(to_us[1])
    try:
        page = Page(read=to_us[0], write=from_us[1])
        targets = page.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        yield page
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for end in (to_us[0], from_us[1]):
            os.close(end)
