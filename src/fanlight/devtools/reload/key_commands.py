"""What the keys of the terminal do in `fanlight dev`.

In: keys, a selector, and what each key means. Out: the meaning of a key is called when it is pressed. Other keys mean
nothing, except Enter, which leaves an empty line, as people do to see what comes next.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping

from fanlight.devtools.reload.keys import Keys

HELP = """
  r  reload now             o  open the site in the browser
  i  open the inspector     q  quit
  ?  show this
"""

log = logging.getLogger("fanlight.server")


class KeyCommands:
    """Reads keys in the loop of the parent process."""

    def __init__(
        self, keys: Keys, selector: selectors.BaseSelector, commands: Mapping[str, Callable[[], object]]
    ) -> None:
        self._keys, self._selector = keys, selector
        self._commands = {"?": lambda: _print(HELP), "h": lambda: _print(HELP), "\n": lambda: _print(""), **commands}
        self._is_watched = False

    def begin(self) -> None:
        """Begin to read keys, or go on, if the terminal is this process's."""
        self._keys.begin()
        if self._keys.is_reading and not self._is_watched:
            self._selector.register(self._keys.fd, selectors.EVENT_READ, self._on_keys)
            self._is_watched = True

    def suspend(self) -> None:
        """Stop the process as Ctrl+Z does; returns when it continues."""
        self._unwatch()
        self._keys.suspend()
        self.begin()

    def end(self) -> None:
        """Read no more, and restore the terminal."""
        self._unwatch()
        self._keys.end()

    def _on_keys(self) -> None:
        pressed = self._keys.read()
        if pressed is None:
            self.end()
            return
        for key in pressed:
            act = self._commands.get(key.lower())
            if act is not None:
                act()

    def _unwatch(self) -> None:
        if self._is_watched:
            self._selector.unregister(self._keys.fd)
            self._is_watched = False


def open_browser(url: str) -> None:
    """Open a page in the user's browser, in a thread: starting one can take long."""

    def work() -> None:
        if not webbrowser.open(url):
            log.warning("no browser can be opened from here; the address is %s", url)

    threading.Thread(target=work, name="fanlight-browser", daemon=True).start()


def _print(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
