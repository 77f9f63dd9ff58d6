"""Log what browsers report of the Content-Security-Policy: what it has refused, or would refuse.

In: a report, of the Reporting API or of `report-uri`. Out: lines of the log, few and short. Anyone can send anything
to this address, so nothing of it is trusted: only known members are read, addresses lose their query, the same report
is logged once, and of others only some in a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from fanlight.lazy_logger import lazy_logger
from fanlight.message.body_policy import limits
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cross_site import CrossSite
from fanlight.weakness import Weakness

MAX_BYTES = 32 * 1024  # of one request; a browser collects some reports
MAX_REPORTS = 20  # of one request
MAX_KNOWN = 512  # different reports
LINES_PER_MINUTE = 20
MAX_SHOWN = 160  # characters of one member
_SECONDS = 60.0

log = lazy_logger("fanlight.protection")


class _FromEveryPage(CrossSite):
    """Lets browsers send reports, whatever page they are of: that weakens nothing, as a report changes nothing."""

    def weaknesses(self) -> Iterator[Weakness]:
        """Yield nothing: the author of the site has opened nothing."""
        return iter(())


class PolicyReports:
    """Receives the reports of one app."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: set[str] = set()
        self._window, self._lines, self._left_out = now(), 0, 0

    def view(self) -> Callable[[Request], Response]:
        """Return the view of the address to which browsers send."""

        @_FromEveryPage()
        @limits(content_bytes=MAX_BYTES)
        def receive_policy_reports(request: Request) -> Response:
            """Log reports of the Content-Security-Policy."""
            self.receive(request.content)
            return Response(b"", 204)

        return receive_policy_reports

    def receive(self, content: bytes) -> None:
        """Log what is new in some reports."""
        for line in _lines_of(content):
            if line in self._known:
                continue
            if not self._may_log():
                self._left_out += 1
                continue
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known.add(line)
            log.warning("content security policy: %s (reported by a browser, logged once)", line)

    def _may_log(self) -> bool:
        now = self._now()
        if now - self._window >= _SECONDS:
            if self._left_out:
                log.warning("content security policy: %d more reports were not logged", self._left_out)
            self._window, self._lines, self._left_out = now, 0, 0
        self._lines += 1
        return self._lines <= LINES_PER_MINUTE


def _lines_of(content: bytes) -> Iterator[str]:
    try:
        document: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for each in document[:MAX_REPORTS] if isinstance(document, list) else [document]:
        if not isinstance(each, dict):
            continue
        body = each.get("body") if each.get("type") == "csp-violation" else each.get("csp-report")
        if isinstance(body, dict) and (line := _line_of(body)):
            yield line


def _line_of(body: Mapping[str, Any]) -> str:
    directive = _text(body, "effectiveDirective", "effective-directive", "violated-directive").partition(" ")[0]
    directive = _address(directive)
    page, blocked = _address(_text(body, "documentURL", "document-uri")), _text(body, "blockedURL", "blocked-uri")
    if not directive or not page:
        return ""
    verb = "would refuse" if _text(body, "disposition") == "report" else "refused"
    source = _address(_text(body, "sourceFile", "source-file"))
    number = body.get("lineNumber", body.get("line-number"))
    line = f":{number}" if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**7 else ""
    return f"{directive} {verb} {_address(blocked) or 'something'} on {page}{f', in {source}{line}' if source else ''}"


def _text(body: Mapping[str, Any], *names: str) -> str:
    found = next((body[name] for name in names if isinstance(body.get(name), str)), "")
    return str(found)


def _address(url: str) -> str:
    """Return a URL without its query, in one short line; a word like "inline" as it is."""
    # SECURITY: tests/protection/test_policy_reports.py: a query may hold a secret of the user
    shown = url.partition("?")[0].partition("#")[0][:MAX_SHOWN]
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode()[:MAX_SHOWN]
