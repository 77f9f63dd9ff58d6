"""The banner of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.settings.options import Options
from fanlight.site.banner import banner


def text_of(urls: list[str], **options: object) -> str:
    return banner(urls, 2, Options(**options), Path("main.py"))  # type: ignore[arg-type]


def test_localhost_is_one_address() -> None:
    """The two sockets of localhost are one URL, with the scheme in use."""
    urls = ["https://127.0.0.1:8443", "https://[::1]:8443"]
    assert "Fanlight  https://localhost:8443\n" in text_of(urls, bind=("localhost:8443",), tls="dev")
    assert "Fanlight  http://localhost:8000\n" in text_of(["http://127.0.0.1:8000"])


def test_wildcard_addresses_are_explained() -> None:
    """0.0.0.0 and [::] are not addresses to visit, so their meaning is added."""
    for url in ("http://0.0.0.0:80", "https://[::]:443"):
        assert f"{url} (all interfaces)" in text_of([url], bind=(":80",))


@pytest.mark.parametrize(
    ("file", "site", "command"),
    [
        ("main.py", "", "fanlight routes\n"),
        ("main.py", "main.py", "fanlight routes\n"),
        ("shop.py", "", "fanlight routes shop.py\n"),
        ("main.py", "pkg", "fanlight routes pkg\n"),
        ("__init__.py", "pkg:create_app()", "fanlight routes 'pkg:create_app()'\n"),
    ],
)
def test_the_banner_has_the_command_that_lists_the_routes(file: str, site: str, command: str) -> None:
    """With the argument as it was typed, in quotes where the shell needs them."""
    assert f"2 routes from {file}   {command}" in banner(["http://localhost:1"], 2, Options(), Path(file), site)


def test_unusual_settings_are_listed() -> None:
    """Workers and their user, redirects, trusted proxies and the admin address have a line each, if any."""
    lines = text_of(
        ["https://[::]:443"],
        bind=(":443",),
        tls="dev",
        workers=2,
        user="www-data",
        redirect_from=(":80",),
        trusted_proxies=("10.0.0.1",),
        admin="127.0.0.1:9000",
    )
    for line in (
        "2 workers, as www-data;",
        "redirects http from :80 to https",
        "trusts proxies at 10.0.0.1",
        "127.0.0.1:9000",
    ):
        assert line in lines
    assert len(text_of(["http://127.0.0.1:8000"]).splitlines()) == len(lines.splitlines()) - 4
