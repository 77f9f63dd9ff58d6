"""The URL of a store: what it may be, and that no message shows its password."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidSetting
from fanlight.settings.options import Options
from fanlight.settings.sources import from_environment, from_flags, options_from
from fanlight.settings.store_url import read_bus_url, read_store_url, with_absolute_path


@pytest.mark.parametrize(
    ("url", "kind", "text", "shown"),
    [
        ("memory:", "memory", "", "memory:"),
        ("sqlite:a.sqlite", "sqlite", "a.sqlite", "sqlite:a.sqlite"),
        ("sqlite:/var/lib/a b.sqlite", "sqlite", "/var/lib/a b.sqlite", "sqlite:/var/lib/a b.sqlite"),
        ("redis://", "redis", "redis://", "redis://localhost:6379/0"),
        ("redis://cache", "redis", "redis://cache", "redis://cache:6379/0"),
        ("redis://cache:7000/3", "redis", "redis://cache:7000/3", "redis://cache:7000/3"),
        ("redis://[::1]:7000/", "redis", "redis://[::1]:7000/", "redis://[::1]:7000/0"),
        ("redis://:pw@cache/1", "redis", "redis://:pw@cache/1", "redis://cache:6379/1"),
        ("redis://me:p%40w@cache", "redis", "redis://me:p%40w@cache", "redis://cache:6379/0"),
        ("redis://me:p@w@cache", "redis", "redis://me:p@w@cache", "redis://cache:6379/0"),
        (
            "rediss://cache?ssl_ca_certs=/ca.pem",
            "redis",
            "rediss://cache?ssl_ca_certs=/ca.pem",
            "rediss://cache:6379/0",
        ),
        ("unix:/run/r.sock", "redis", "unix:///run/r.sock", "unix:/run/r.sock"),
        ("unix:///run/r.sock?db=2&password=pw", "redis", "unix:///run/r.sock?db=2&password=pw", "unix:/run/r.sock"),
    ],
)
def test_a_url_is_read(url: str, kind: str, text: str, shown: str) -> None:
    """Its kind and what the store needs; what is shown, also by its repr, has neither user nor password."""
    parts = read_store_url(url)
    assert (parts.kind, parts.text, parts.shown) == (kind, text, shown)
    assert repr(parts) == f"StoreURL({shown!r})"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "no scheme that is known"),
        ("store.sqlite", "write sqlite:PATH, redis://HOST:PORT/0"),
        ("postgres://me:hunter2@host/db", "no scheme that is known"),
        ("redis:hunter2", "no scheme that is known"),
        ("redis:6379", "no scheme that is known"),
        ("REDIS://host", "no scheme that is known"),
        ("sqlite:", "needs the path of its file"),
        ("sqlite:///var/x", "needs the path of its file"),
        ("sqlite:/var/", "needs the path of its file"),
        ("sqlite::memory:", "written memory:"),
        ("memory:x", "no scheme that is known"),
        ("redis://hunter2#host", "write %23"),
        ("redis://:hunter2/7@host", "its port must be a number, and in a password %40 stands for @"),
        ("redis://:hunter2?7@host", "its port must be a number"),
        ("redis://host:hunter2", "its port must be a number"),
        ("redis://host:99999", "its port must be a number"),
        ("redis://host:0", "no host"),
        ("redis://me:hunter2@", "no host"),
        ("redis://[hunter2/", "can't be read"),
        ("redis://host/hunter2", "number of a database"),
        ("redis://host/0/1", "number of a database"),
        ("redis://host?hunter2=1", "an option that is not supported"),
        ("redis://host?decode_responses=1", "an option that is not supported"),
        ("redis://host?socket_timeout=100", "an option that is not supported"),
        ("redis://host?db=hunter2", "the number of a database"),
        ("rediss://host?ssl_hunter2=1", "an option that is not supported"),
        ("redis://host?ssl_ca_certs=/hunter2", "write rediss://"),
        ("unix:/run/r.sock?ssl_ca_certs=/hunter2", "write rediss://"),
        ("rediss://host?ssl_cert_reqs=hunter2", "none or optional or required"),
        ("rediss://host?ssl_check_hostname=hunter2", "false or true"),
        ("redis://host?db=1&db=2", "the option db of the store's URL is repeated"),
        ("redis://host?password=", "the option password of the store's URL is empty"),
        ("redis://:hunter2 @host", "a blank or a control character"),
        ("redis://:hunter2\x00@host", "a blank or a control character"),
        ("sqlite:a\x00b", "a blank or a control character"),
        ("unix://hunter2/run/r.sock", "needs an absolute path"),
        ("unix:", "needs an absolute path"),
        ("unix:run/r.sock", "needs an absolute path"),
    ],
)
def test_a_wrong_url_is_refused(url: str, message: str) -> None:
    """It is an InvalidSetting that says what to write, and shows nothing that may be a password."""
    with pytest.raises(InvalidSetting) as caught:
        read_store_url(url)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.sampled_from(["redis://", "rediss://", "unix:", "sqlite:", "memory:", ""]), st.text(max_size=40))
def test_any_text_is_read_or_refused(scheme: str, rest: str) -> None:
    """No text raises anything else."""
    try:
        parts = read_store_url(scheme + rest)
    except InvalidSetting:
        return
    assert parts.kind in ("memory", "sqlite", "redis")


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is relative to the folder in which the command was started, whatever the site changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    options = options_from(from_flags({"store": "sqlite:data/a.sqlite", "state_folder": "state"}))
    assert options.store == f"sqlite:{tmp_path}/data/a.sqlite"
    assert options.state_folder == os.fspath(tmp_path / "state")
    assert with_absolute_path("redis://a") == "redis://a"


def test_no_message_and_no_repr_shows_the_password() -> None:
    """Neither the options, nor what refuses them, shows the URL of the store."""
    options = options_from(from_environment({"FANLIGHT_STORE": "redis://:hunter2@cache/0"}))
    assert options.store == "redis://:hunter2@cache/0"
    assert "hunter2" not in repr(options)
    for url in ("redis://:hunter2@cache/x", "redis://:hunter2/@cache", "http://hunter2", "redis://:hunter2\0@cache"):
        with pytest.raises(InvalidSetting) as caught:
            options_from(from_environment({"FANLIGHT_STORE": url}))
        assert "hunter2" not in str(caught.value)


def test_workers_share_no_memory() -> None:
    """memory: is refused for several workers, each of which would have its own; one worker may have it."""
    with pytest.raises(InvalidSetting, match="store is memory:, which 2 workers can't share"):
        Options(store="memory:", workers=2)
    assert Options(store="memory:", workers=1).store == "memory:"


@pytest.mark.parametrize("url", ["redis://cache:6380/2", "rediss://cache", "unix:/run/redis.sock"])
def test_a_bus_is_a_redis(url: str) -> None:
    """Its URL is that of a store."""
    assert read_bus_url(url) == read_store_url(url)


@pytest.mark.parametrize(
    "url", ["memory:", "sqlite:bus.sqlite", "postgres://:hunter2@cache", "redis://:hunter2@cache:x"]
)
def test_another_url_is_no_bus(url: str) -> None:
    """The message is about the bus, has what to write, and no password."""
    with pytest.raises(InvalidSetting) as caught:
        read_bus_url(url)
    assert "the bus" in str(caught.value)
    assert "write redis://HOST:PORT/0, rediss://... or unix:/run/redis.sock" in str(caught.value)
    assert "store" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_options_refuse_what_is_no_bus() -> None:
    """Before anything is opened; and their repr has no password."""
    with pytest.raises(InvalidSetting, match="the bus is a Redis or a Valkey"):
        Options(bus="memory:")
    assert "hunter2" not in repr(Options(bus="redis://:hunter2@cache"))
