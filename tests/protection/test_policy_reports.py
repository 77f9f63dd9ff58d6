"""What browsers report of the policy is logged: briefly, once, and never as much as someone wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fanlight import ContentSecurityPolicy, Security
from fanlight.protection.policy_reports import LINES_PER_MINUTE, MAX_BYTES, MAX_KNOWN, PolicyReports

OLD = {
    "csp-report": {
        "document-uri": "http://site.example/page?token=secret#x",
        "effective-directive": "script-src-elem",
        "violated-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js?key=secret",
        "source-file": "http://site.example/page?token=secret",
        "line-number": 7,
        "disposition": "enforce",
        "script-sample": "secret()",
    }
}
NEW = [
    {"type": "deprecation", "body": {"id": "x"}},
    {
        "type": "csp-violation",
        "url": "http://site.example/page",
        "body": {
            "documentURL": "http://site.example/page",
            "effectiveDirective": "script-src-attr",
            "blockedURL": "inline",
            "disposition": "report",
            "lineNumber": 3,
        },
    },
]
FIRST = (
    "content security policy: script-src-elem refused https://evil.example/x.js on http://site.example/page,"
    " in http://site.example/page:7 (reported by a browser, logged once)"
)
SECOND = (
    "content security policy: script-src-attr would refuse inline on http://site.example/page"
    " (reported by a browser, logged once)"
)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]


def test_both_kinds_of_report_are_logged_once(serve: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """Without queries and samples, which may hold secrets; other reports are not ours."""
    security = Security(content_security_policy=ContentSecurityPolicy(reports="/csp"))
    site = serve({"/": "home"}, security=security)
    for _ in range(2):
        for kind, report in (("application/csp-report", OLD), ("application/reports+json", NEW)):
            fields = [f"Content-Type: {kind}", "Origin: null", "Sec-Fetch-Site: cross-site"]
            response = site.send("POST", "/csp", *fields, content=json.dumps(report).encode())
            assert (response.status, response.content) == (204, b"")
    assert _lines(caplog) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'"x"',
        b"[5, null, []]",
        b"\xff",
        b"{}",
        b'{"csp-report": 5}',
        b'{"csp-report": {}}',
        b'{"csp-report": {"document-uri": 5, "effective-directive": "x"}}',
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_what_is_no_report_is_ignored(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Anyone can send anything."""
    PolicyReports().receive(content)
    assert _lines(caplog) == []


def test_a_line_is_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is in it."""
    body = dict.fromkeys(OLD["csp-report"], f"x\r\n\x1b[31m{'y' * 9999}") | {"line-number": 10**9}
    PolicyReports().receive(json.dumps({"csp-report": body}).encode())
    (line,) = _lines(caplog)
    assert line.isprintable()
    assert len(line) < 800


def test_a_flood_is_a_few_lines_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Then the number of those that were left out is logged."""
    now = [0.0]
    reports = PolicyReports(lambda: now[0])

    def send(number: int) -> None:
        body = {"document-uri": f"http://site.example/{number}", "effective-directive": "img-src"}
        reports.receive(json.dumps({"csp-report": body}).encode())

    for number in range(100):
        send(number)
    assert len(_lines(caplog)) == LINES_PER_MINUTE
    now[0] = 61.0
    send(1000)
    assert _lines(caplog)[-2] == "content security policy: 80 more reports were not logged"
    for number in range(MAX_KNOWN * 2):
        now[0] += 61.0
        send(number)
    assert len(reports._known) <= MAX_KNOWN


def test_a_large_report_is_refused(serve: Callable[..., Any]) -> None:
    """Before it is read."""
    security = Security(content_security_policy=ContentSecurityPolicy(reports="/csp"))
    site = serve({"/": "home"}, security=security)
    assert site.send("POST", "/csp", content=b"x" * (MAX_BYTES + 1)).status == 413
