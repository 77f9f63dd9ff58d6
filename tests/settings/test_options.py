"""Settings that can't be together, and those that can."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.errors import InvalidSetting
from fanlight.settings.field import info_of, setting_fields
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.settings.sources import SETTINGS

TLS: dict[str, Any] = {"cert": ("c",)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cert": ("a", "b"), "key": ("a",)}, "2 certificates and 1 keys; give one --key for each --cert"),
        ({"key": ("a",)}, "0 certificates and 1 keys"),
        ({"tls": "dev", **TLS}, "leave out --tls or --cert"),
        ({"tls": "prod"}, "it takes '' or 'dev'"),
        ({"hsts_seconds": 1}, "hsts_seconds is given, but there is no TLS; add --cert and --key, or --tls dev"),
        ({"redirect_from": (":80",)}, "redirect_from is given, but there is no TLS"),
        ({"client_ca": "ca"}, "client_ca is given, but there is no TLS"),
        ({"client_cert": "required", **TLS}, "add --client-ca FILE"),
        ({"client_cert": "optional", **TLS}, "add --client-ca FILE"),
        ({"client_ca": "ca", **TLS}, "add --client-cert required"),
        ({"proxy_protocol": True}, "add --trusted-proxies ADDRESS"),
        ({"user": "www-data"}, "add --workers 1"),
        ({"bind": ("nonsense",)}, "is not an address"),
        ({"redirect_from": ("80",), **TLS}, "is not an address"),
        ({"admin": "9000"}, "is not an address"),
        ({"bind": (":80", ":443"), "redirect_from": (":80",), **TLS}, ":80 is given more than once"),
        ({"bind": (":80", ":80")}, ":80 is given more than once"),
        ({"bind": ("unix:/s",), "admin": "unix:/s"}, "unix:/s is given more than once"),
        ({"workers": -1}, "Options.workers is -1; the minimum is 0"),
        ({"limits": None}, "it takes a Limits(...)"),
    ],
)
def test_contradicting_options_are_refused_with_a_hint(given: dict[str, Any], message: str) -> None:
    """Each invalid combination is refused with what is missing, or too much."""
    with pytest.raises(InvalidSetting) as caught:
        Options(**given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bind": ()},
        {"bind": ("127.0.0.1:0", "127.0.0.1:0"), "admin": "127.0.0.1:0"},
        {"cert": ("a", "b"), "key": ("c", "d"), "hsts_seconds": 1, "redirect_from": (":80", "[::]:80")},
        {"client_ca": "ca", "client_cert": "required", **TLS},
        {"tls": "dev", "redirect_from": ("localhost:8001",)},
        {"proxy_protocol": True, "bind": ("unix:/s", "fd:3")},
        {"proxy_protocol": True, "trusted_proxies": ("10.0.0.0/8",)},
        {"user": "www-data:web", "workers": 1},
        {"limits": Limits(worker_bytes=0, connections_per_address=0, unready_seconds=0)},
    ],
)
def test_what_makes_sense_is_taken(given: dict[str, Any]) -> None:
    """Nothing that can be is refused."""
    assert Options(**given).has_tls is ("cert" in given or "tls" in given)


def test_every_setting_has_a_help_text() -> None:
    """Each field has its words, for a person and for the documents; only `limits` is none itself."""
    assert set(SETTINGS) == {each.name for kind in (Options, Limits) for each in setting_fields(kind)}
    assert set(Options.__dataclass_fields__) - set(SETTINGS) == {"limits"}
    assert set(Limits.__dataclass_fields__) <= set(SETTINGS)
    for each in SETTINGS.values():
        assert info_of(each).help
        assert not info_of(each).help.endswith(".")


def test_a_limit_outside_its_range_is_refused() -> None:
    """A limit below its minimum, or not a number, is refused, and the error names it."""
    for wrong in ({"threads": 0}, {"head_bytes": -1}, {"idle_seconds": 0}, {"connections": True}, {"threads": "8"}):
        with pytest.raises(InvalidSetting, match=next(iter(wrong))):
            Limits(**wrong)
