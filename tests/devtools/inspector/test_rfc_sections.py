"""Each refusal of the wire has a section of an RFC, or is of something that is no HTTP."""

from __future__ import annotations

import pytest
from tests.devtools.inspector.test_marks import exchange_of
from tests.wire.test_vectors import EXPECTED, vector

from fanlight.devtools.inspector.rfc_sections import rfc_section


def section_of(name: str) -> str:
    refusal = exchange_of(vector(name)).refusal
    assert refusal is not None
    return rfc_section(refusal.status, refusal.rule)


def test_every_refusal_but_that_of_tls_has_a_section() -> None:
    """No refused raw message is left without its section; TLS on a plain port violates none of HTTP."""
    refused = [name for name, expected in EXPECTED.items() if isinstance(expected, int)]
    assert len(refused) > 100
    without = {name for name in refused if exchange_of(vector(name)).refusal and not section_of(name)}
    assert {str(exchange_of(vector(name)).refusal) for name in without} == {
        str(exchange_of(vector("tls-client-hello")).refusal)
    }


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("space-before-colon", "RFC 9112 section 5.1"),
        ("obs-fold", "RFC 9112 section 5.2"),
        ("both-lengths", "RFC 9112 section 6.3"),
        ("te-gzip-chunked", "RFC 9112 section 6.1"),
        ("content-length-with-plus", "RFC 9110 section 8.6"),
        ("chunk-size-with-plus", "RFC 9112 section 7.1"),
        ("chunk-longer-than-its-size", "RFC 9112 section 7.1"),
        ("trailer-host", "RFC 9110 section 6.5.1"),
        ("host-missing", "RFC 9112 section 3.2"),
        ("host-twice", "RFC 9110 section 5.3"),
        ("host-with-slash", "RFC 9110 section 7.2"),
        ("bare-lf-everywhere", "RFC 9112 section 2.2"),
        ("http-0.9", "RFC 9112 section 2.3"),
        ("head-too-long", "RFC 6585 section 5"),
        ("null-in-value", "RFC 9110 section 5.5"),
        ("authority-form", "RFC 9110 section 9.3.6"),
    ],
)
def test_a_rule_has_its_section(name: str, section: str) -> None:
    """The section is the one whose rule is broken."""
    assert section_of(name) == section
