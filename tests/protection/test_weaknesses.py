"""What a site has weakened of its protection: each setting names what it makes possible."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from fanlight import CORS, ContentSecurityPolicy, Security, cross_site
from fanlight.weakness import Weakness


def settings_of(weak: Iterable[Weakness]) -> list[str]:
    found = list(weak)
    assert all(each.risk and each.advice and not each.place for each in found)
    return [each.setting for each in found]


def test_the_defaults_are_not_weak() -> None:
    """Nor is what is stricter than they are."""
    strict = Security(
        content_security_policy=ContentSecurityPolicy(),
        referrer_policy="no-referrer",
        frame="SAMEORIGIN",
        trusted_origins=["https://app.example", "http://localhost:3000"],
        cors=CORS(origins=["https://app.example"], credentials=True),
    )
    for each in (Security(), strict):
        assert settings_of(each.weaknesses()) == []
    assert settings_of(cross_site(origins=["https://app.example"]).weaknesses()) == []


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"frame": None}, "Security(frame=None)"),
        ({"nosniff": False}, "Security(nosniff=False)"),
        ({"cross_site": True}, "Security(cross_site=True)"),
        ({"opener_policy": None}, "Security(opener_policy=None)"),
        ({"opener_policy": "unsafe-none"}, "Security(opener_policy='unsafe-none')"),
        ({"referrer_policy": "unsafe-url"}, "Security(referrer_policy='unsafe-url')"),
        ({"trusted_origins": ["http://app.example"]}, "Security(trusted_origins=[...]): http://app.example"),
        ({"cors": CORS(origins=["*"])}, 'CORS(origins=["*"])'),
        ({"cors": CORS(origins=["http://app.example"])}, "CORS(origins=[...]): http://app.example"),
        (
            {"content_security_policy": ContentSecurityPolicy(report_only=True)},
            "ContentSecurityPolicy(report_only=True)",
        ),
        (
            {"content_security_policy": ContentSecurityPolicy(script_src=["'self'", "'unsafe-inline'"])},
            "ContentSecurityPolicy(script_src=[... 'unsafe-inline' ...])",
        ),
    ],
)
def test_each_weakened_setting_is_named(given: dict[str, Any], setting: str) -> None:
    """As it is written, so that it can be found in the code."""
    security = Security(**given)
    assert security.mistakes() == []
    assert settings_of(security.weaknesses()) == [setting]


def test_marks_are_named() -> None:
    """A part of URLS that is open to every site, or to one that is not encrypted."""
    assert settings_of(cross_site.weaknesses()) == ["cross_site"]
    assert settings_of(cross_site(origins=["http://app.example"]).weaknesses()) == [
        "cross_site(origins=[...]): http://app.example"
    ]
    assert settings_of(CORS(origins=["*"]).weaknesses()) == ['CORS(origins=["*"])']
