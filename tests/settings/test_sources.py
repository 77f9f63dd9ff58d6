"""The precedence of the sources of a setting, and the known names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanlight.errors import InvalidSetting
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.field import info_of
from fanlight.settings.limits import Limits
from fanlight.settings.sources import SETTINGS, from_arguments, from_environment, from_flags, options_from, variable_of


def test_the_operator_overrides_the_site() -> None:
    """A flag is over the environment, that over what run() was given, and that over the default."""
    flags = from_flags({"threads": "1", "idle_seconds": None, "cert": ()})
    environ = from_environment({"FANLIGHT_THREADS": "2", "FANLIGHT_HEAD_BYTES": "2k", "PATH": "/bin"})
    arguments = from_arguments(
        {"threads": 3, "head_bytes": 3000, "worker_requests": 3}, Limits(worker_requests=4, connections=4)
    )
    limits = options_from(flags, environ, arguments).limits
    assert (limits.threads, limits.head_bytes, limits.worker_requests, limits.connections) == (1, 2048, 3, 4)
    assert limits.idle_seconds == Limits().idle_seconds


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_its_variable(name: str) -> None:
    """Each field of Options and of Limits is read from FANLIGHT_ and its name."""
    texts = {
        "switch": "yes",
        "mode": "600",
        "address": "unix:/x",
        "count": "7",
        "bytes": "7777",
        "seconds": "7",
        "store": "memory:",
    }
    each = SETTINGS[name]
    info = info_of(each)
    text = info.choices[-1] if info.choices else texts.get(info.unit, "999")
    assert set(from_environment({variable_of(name): text})) == {name}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FANLIGHT_HEAD_BYTS": "1"}, "there is no setting FANLIGHT_HEAD_BYTS; did you mean FANLIGHT_HEAD_BYTES?"),
        ({"FANLIGHT_WORKER": "1"}, "did you mean FANLIGHT_WORKERS?"),
        ({"FANLIGHT_SECRETS": "hunter2"}, "there is no setting FANLIGHT_SECRETS; did you mean FANLIGHT_SECRET?"),
        ({"FANLIGHT_XYZZY": "1"}, "`fanlight run --help` lists them all"),
        ({"FANLIGHT_LIMITS": "1"}, "there is no setting FANLIGHT_LIMITS"),
        ({"FANLIGHT_THREADS": "x"}, "FANLIGHT_THREADS is 'x'; it takes a whole number"),
        ({"FANLIGHT_PORT": "70000"}, "FANLIGHT_PORT is '70000'; it takes a number from 0 to 65535"),
        ({"FANLIGHT_PORT": "1", "FANLIGHT_BIND": ":1"}, "bind and port are given together"),
        ({"FANLIGHT_HOST": "a b:c:d", "FANLIGHT_ADMIN": "here"}, "'here' is not an address"),
    ],
)
def test_a_wrong_variable_is_refused(environ: dict[str, str], message: str) -> None:
    """Unknown names and invalid values are refused with a hint."""
    with pytest.raises(InvalidSetting) as caught:
        options_from(from_environment(environ))
    assert message in str(caught.value)


def test_the_secret_is_no_setting() -> None:
    """FANLIGHT_SECRET is accepted, and is not among the settings, so that nothing shows it."""
    assert from_environment({"FANLIGHT_SECRET": "hunter2"}) == {}


def test_variables_of_our_own_processes_are_none_of_this() -> None:
    """What begins with _FANLIGHT_ is a variable between our own processes."""
    assert from_environment({"_FANLIGHT_CHANNEL": "3"}) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"head_byts": 1}, "run() has no setting head_byts; did you mean head_bytes?"),
        ({"limit": 1}, "run() has no setting limit"),
        ({"threads": 0}, "Limits.threads is 0; the minimum is 1"),
        ({"threads": "8"}, "Limits.threads is '8'; it takes a whole number"),
        ({"head_bytes": 100.5}, "Limits.head_bytes is 100.5; it takes a whole number"),
        ({"head_seconds": float("nan")}, "it takes a number of seconds"),
        ({"access_log": 1}, "Options.access_log is 1; it takes True or False"),
        ({"access_format": "xml"}, "it takes 'text', 'combined' or 'json'"),
        ({"socket_mode": 660}, "it takes 0 to 777"),
        ({"socket_mode": "660"}, "it takes a number like 0o660"),
        ({"bind": [1]}, "it takes a tuple of strings"),
        ({"user": 0}, "Options.user is 0; it takes a string"),
    ],
)
def test_a_wrong_argument_is_refused(given: dict[str, object], message: str) -> None:
    """What a program gives is held to the same bounds."""
    with pytest.raises(InvalidSetting) as caught:
        options_from(from_arguments(given))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "environ", "arguments", "bind"),
    [
        ({}, {}, {}, ("localhost:8000",)),
        ({"port": "9000"}, {}, {}, ("localhost:9000",)),
        ({"host": "::1", "port": "9000"}, {}, {}, ("[::1]:9000",)),
        ({"port": "9000"}, {"FANLIGHT_HOST": "0.0.0.0"}, {"port": 7}, ("0.0.0.0:9000",)),
        ({"port": "9000"}, {"FANLIGHT_BIND": "unix:/x"}, {}, ("localhost:9000",)),
        ({"bind": [":1", ":2,:3"]}, {"FANLIGHT_HOST": "0.0.0.0"}, {}, (":1", ":2", ":3")),
        ({}, {"FANLIGHT_BIND": ":1,unix:/x"}, {"host": "localhost", "port": 7}, (":1", "unix:/x")),
        ({}, {"FANLIGHT_PORT": "1"}, {"bind": [":2"]}, ("localhost:1",)),
        ({}, {}, {"bind": "unix:/x"}, ("unix:/x",)),
    ],
)
def test_an_address_is_of_the_first_source_that_has_any(
    flags: dict[str, str], environ: dict[str, str], arguments: dict[str, object], bind: tuple[str, ...]
) -> None:
    """Host and port make one address; the first source with either of them, or with bind, decides."""
    assert options_from(from_flags(flags), from_environment(environ), from_arguments(arguments)).bind == bind


def test_sockets_of_systemd_override_the_program() -> None:
    """Sockets passed by systemd are served on, unless an address is given."""
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    assert options_from(from_environment(environ), from_arguments({"port": 7})).bind == ("fd:3",)
    assert options_from(from_environment({**environ, "FANLIGHT_PORT": "1"})).bind == ("localhost:1",)
    environ = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"}
    assert from_environment(environ) == {}
    assert from_environment({**environ, "_FANLIGHT_CHANNEL": "5"}) == {"bind": ("fd:3",)}


def test_auto_is_as_many_workers_as_can_run() -> None:
    """In text and in Python `auto` is the number of processors we may use."""
    assert from_flags({"workers": "auto"}) == {"workers": usable_cpus()}
    assert from_environment({"FANLIGHT_WORKERS": "AUTO"}) == {"workers": usable_cpus()}
    assert from_arguments({"workers": "auto"}) == {"workers": usable_cpus()}


def test_a_path_is_seen_from_where_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and unix sockets are those of the folder we were in; an address, a name and `auto` stay as they are."""
    monkeypatch.chdir(tmp_path)
    options = options_from(
        from_flags({"bind": ["unix:s", ":80", "localhost:1"], "cert": ["a.pem", "../b.pem"], "pid_file": "p"}),
        from_environment({"FANLIGHT_LOG_FILE": "/var/log/x", "FANLIGHT_CONTROL": "auto", "FANLIGHT_ADMIN": "unix:a"}),
    )
    assert options.bind == (f"unix:{tmp_path}/s", ":80", "localhost:1")
    assert options.cert == (f"{tmp_path}/a.pem", f"{tmp_path.parent}/b.pem")
    assert (options.pid_file, options.log_file) == (f"{tmp_path}/p", "/var/log/x")
    assert (options.control, options.admin, options.access_file) == ("auto", f"unix:{tmp_path}/a", "")


def test_a_unix_socket_deep_down_keeps_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems take about a hundred bytes; where the whole path is longer, the relative one is what works."""
    (tmp_path / ("x" * 100)).mkdir()
    monkeypatch.chdir(tmp_path / ("x" * 100))
    assert options_from(from_flags({"bind": ["unix:s"]})).bind == ("unix:s",)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("FANLIGHT_SERVICE_HOST", "10.96.0.20"),
        ("FANLIGHT_SERVICE_PORT", "8000"),
        ("FANLIGHT_SERVICE_PORT_HTTP_ALT", "8000"),
        ("FANLIGHT_PORT", "tcp://10.96.0.20:8000"),
        ("FANLIGHT_PORT_8000_TCP", "tcp://10.96.0.20:8000"),
        ("FANLIGHT_PORT_53_UDP_ADDR", "10.96.0.20"),
        ("FANLIGHT_MY_DB_PORT", "udp://10.96.0.20:53"),
        ("FANLIGHT_MY_DB_SERVICE_HOST", "10.96.0.20"),
        ("FANLIGHT_WORKERS", ""),
        ("FANLIGHT_PORT", " "),
    ],
)
def test_what_others_put_into_the_environment_is_passed_over(variable: str, text: str) -> None:
    """Kubernetes' variables of services, and one of ours that is empty, set nothing."""
    assert from_environment({variable: text}) == {}


def test_an_empty_variable_that_is_no_setting_is_refused() -> None:
    """A mistyped name is reported, whatever its value."""
    with pytest.raises(InvalidSetting, match="FANLIGHT_WORKRES"):
        from_environment({"FANLIGHT_WORKRES": ""})
