"""Drive Chromium over its DevTools protocol: one for all tests of a session, by the fixtures `tab` and `new_tab`.

In: an address, and what a person does there (click, type, press a key, choose a file). Out: what stands on
the page then, and every error that the browser has noted. The protocol runs over two pipes
(`--remote-debugging-pipe`), so no port and no library is needed.
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from collections import deque
from pathlib import Path
from typing import Any

from tests.speed import PATIENCE

CHROMIUM = [
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-sync", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--remote-debugging-pipe", "--window-size=900,600"),
]
# A click or a key may open another page. It is there when what stood on the old one is gone, and it has been loaded.
_LEFT_BEHIND = "window.wasHere === undefined && document.readyState === 'complete'"
FORCE = Path(__file__).with_name("states.js").read_text()


class PageFailed(AssertionError):
    """The browser failed to do what the test requested."""


class Browser:
    """A browser that is running; each tab has cookies and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        """Start it, with its profile in a folder."""
        commands, self._commands = os.pipe()
        self._messages, messages = os.pipe()
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{messages}', "-", *CHROMIUM, f"--user-data-dir={folder}"],
            pass_fds=[commands, messages],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(messages)
        self._unread = b""
        self._last = 0
        self.events: dict[str, deque[dict[str, Any]]] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Have the browser do something; return what it gives back."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        os.write(self._commands, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            reply = self._read(until, method)
            if reply.get("id") == self._last:
                if "error" in reply:
                    raise PageFailed(f"{method}: {reply['error']['message']}")
                result: dict[str, Any] = reply["result"]
                return result
            if reply.get("sessionId") in self.events:
                self.events[reply["sessionId"]].append(reply)

    def _read(self, until: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._messages], [], [], max(0, until - time.monotonic()))
            data = os.read(self._messages, 1 << 20) if ready else b""
            if not data:
                raise PageFailed(f"the browser {'has ended' if ready else 'is silent'} after {what}")
            self._unread += data
        message, _, self._unread = self._unread.partition(b"\0")
        reply: dict[str, Any] = json.loads(message)
        return reply

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._messages)


class Tab:
    """One tab, with a profile of its own: what a person sees there and does."""

    def __init__(
        self, browser: Browser, *, dark: bool = False, width: int = 900, height: int = 600, profile: str = ""
    ) -> None:
        """Open it on an empty page, in a colour scheme; the size is that of the page, in CSS pixels."""
        self._browser = browser
        self._context = profile or browser.call("Target.createBrowserContext")["browserContextId"]
        self._target = browser.call("Target.createTarget", url="about:blank", browserContextId=self._context)[
            "targetId"
        ]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        browser.events[self._session] = deque()
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.prefer(dark=dark)
        self.resize(width, height)
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def close(self) -> None:
        """Close it, and forget its cookies."""
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)
        del self._browser.events[self._session]

    def prefer(self, *, dark: bool) -> None:
        """Prefer a colour scheme, as the person's system does."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Give the page another size; a narrow one is that of a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale}
        self._call("Emulation.setDeviceMetricsOverride", mobile=width < 600, **size)

    def beside(self) -> Tab:
        """Open another tab with the same profile, which is closed with this one."""
        return Tab(self._browser, profile=self._context)

    def close_page(self) -> None:
        """Close the tab only, as a person does."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    # --- what is there ------------------------------------------------------------------------

    def evaluate(self, script: str) -> Any:
        """Return what an expression of JavaScript is on this page; a promise is awaited."""
        done = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise PageFailed(done["exceptionDetails"]["exception"].get("description", script))
        return done["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true; a page that is being left counts as false."""
        until = time.monotonic() + PATIENCE
        frames = "new Promise(done => { const end = Date.now() + 250; const look = () => "
        look = f"({condition}) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 10); look() }})"
        while time.monotonic() < until:
            try:
                if self.evaluate(frames + look):
                    return
            except PageFailed as failed:
                if "navigated" not in str(failed) and "context" not in str(failed):
                    raise
        raise PageFailed(f"in vain waited for {condition}; the page is:\n{self.text}")

    @property
    def text(self) -> str:
        """The words that a person reads."""
        return str(self.evaluate("document.body.innerText"))

    @property
    def status(self) -> int:
        """The status of the page's response."""
        return int(self.evaluate("performance.getEntriesByType('navigation')[0].responseStatus"))

    @property
    def path(self) -> str:
        """What the address bar shows behind the host."""
        return str(self.evaluate("location.pathname + location.search"))

    def screenshot(self, kind: str = "png", **options: int) -> bytes:
        """Return what is on the screen as a file of a kind; `quality=85` is for "webp"."""
        return base64.b64decode(self._call("Page.captureScreenshot", format=kind, **options)["data"])

    def errors(self) -> list[str]:
        """Return what the console shows in red since the last look, such as a file that is missing, the icon too."""
        self.evaluate("0")  # what was sent before this reply has come
        events = self._browser.events[self._session]
        found = []
        for event in [events.popleft() for _ in range(len(events))]:
            told = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]["exception"].get("description")))
            elif event["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
                found.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            elif event["method"] == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
                found.append(str([each.get("value") for each in told["args"]]))
        return found

    def add_authenticator(self) -> str:
        """Give this tab an authenticator for passkeys, which says yes at once; return its id for `authenticator`."""
        self._call("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
        return str(self._call("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"])

    def authenticator(self, method: str, identity: str, **parameters: Any) -> dict[str, Any]:
        """Have an authenticator do something: `getCredentials`, `removeCredential`, `setUserVerified`."""
        return self._call(f"WebAuthn.{method}", authenticatorId=identity, **parameters)

    def force(self, *states: str) -> None:
        """Show all that can be pointed at, clicked or typed into as it is in some states: `hover`, `focus-visible`."""
        self.evaluate(f"({FORCE})({json.dumps(states)})")

    # --- what a person does -------------------------------------------------------------------

    def open(self, url: str) -> None:
        """Type an address, and wait until its page has loaded."""
        self.evaluate("window.wasHere = true")
        failed = self._call("Page.navigate", url=url).get("errorText")
        if failed:
            raise PageFailed(f"{url}: {failed}")
        self.wait_for(_LEFT_BEHIND)

    def accept_any_certificate(self) -> None:
        """Open pages of hosts whose certificates no authority known here has signed."""
        self._call("Security.setIgnoreCertificateErrors", ignore=True)

    def open_without_scripts(self, url: str) -> str:
        """Open a page that may run no script; return why it was not shown, "" if it was, and has loaded.

        `evaluate` works there for what is no promise: nothing on such a page can wait.
        """
        events = self._browser.events[self._session]
        events.clear()
        failed = str(self._call("Page.navigate", url=url).get("errorText", ""))
        until = time.monotonic() + PATIENCE
        while not failed and not any(each["method"] == "Page.loadEventFired" for each in events):
            self.evaluate("0")  # which reads the events that have come
            if time.monotonic() > until:
                raise PageFailed(f"{url} does not load")
        return failed

    def download_to(self, folder: Path) -> None:
        """Save downloads in a folder, without asking."""
        self._browser.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(folder),
            browserContextId=self._context,
        )

    def click(self, selector: str) -> None:
        """Click on what leads to another page."""
        self.evaluate(f"window.wasHere = true; document.querySelector({json.dumps(selector)}).click()")
        self.wait_for(_LEFT_BEHIND)

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into a field, and type into it instead of what was there."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self._call("Input.insertText", text=text)

    def press_enter(self) -> None:
        """Press Enter in the field where the cursor is, which sends the form."""
        self.evaluate("window.wasHere = true")
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        self._call("Input.dispatchKeyEvent", type="keyDown", **key)
        self._call("Input.dispatchKeyEvent", type="keyUp", **key)
        self.wait_for(_LEFT_BEHIND)

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file in a form."""
        found = self._call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self._call("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
