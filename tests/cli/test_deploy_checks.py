"""The findings of `fanlight check --deploy`, for made-up machines."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.cli.deploy_check.checks import run_checks
from fanlight.cli.deploy_check.deploy_findings import Finding, format_findings
from fanlight.cli.deploy_check.machine import Machine, Place, TlsFiles
from fanlight.cli.deploy_check.services_state import ServicesState
from fanlight.cli.deploy_check.site_checks import ANY_SITE, SiteFacts
from fanlight.cli.deploy_check.weak_options import weak_options
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.weakness import Weakness

TLS: dict[str, Any] = {"cert": ("c.pem",)}
SOUND: dict[str, Any] = {"bind": ("unix:/run/s",), "hosts": ("site.example",), "limits": Limits(idle_seconds=75)}


def found(options: dict[str, Any], machine: Machine | None = None, site: SiteFacts = ANY_SITE) -> list[Finding]:
    return run_checks(Options(**{**SOUND, **options}), machine or Machine(), site)


def words(findings: list[Finding], level: str) -> str:
    return "\n".join(f"{each.message} -> {each.advice}" for each in findings if each.level == level)


def test_a_sound_site_on_a_sound_machine_passes() -> None:
    """Behind a proxy on a Unix socket, or by TLS on every address: every check passes, and is listed."""
    for options in ({}, {"bind": (":443",), "redirect_from": (":80",), "hsts_seconds": 9, **TLS}):
        findings = found(options)
        assert {each.level for each in findings} == {"ok"}, words(findings, "warning") + words(findings, "error")
        assert len(findings) >= 4


@pytest.mark.parametrize(
    ("options", "machine", "level", "message"),
    [
        # --- access
        ({"bind": (":8000",)}, {}, "warning", "without TLS and without a trusted proxy"),
        ({"bind": ("192.168.1.7:8000",)}, {}, "warning", "without TLS and without a trusted proxy"),
        ({"bind": ("[::]:8000",)}, {}, "warning", "without TLS and without a trusted proxy"),
        ({"bind": ("example.org:8000",)}, {}, "warning", "without TLS and without a trusted proxy"),
        ({"bind": ("127.0.0.1:8000",)}, {}, "warning", "add --trusted-proxies 127.0.0.1,::1"),
        ({"bind": ("localhost:8000",)}, {}, "warning", "all of them seem to"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, {}, "error", "every client can forge its address"),
        ({"trusted_proxies": ("10.0.0.1", "::/0")}, {}, "error", "trusted_proxies includes ::/0"),
        ({"trusted_proxies": ("8.0.0.0/8",)}, {}, "warning", "16,777,216 public addresses"),
        ({}, {"unavailable": {"unix:/run/s": "/run/s is taken"}}, "error", "/run/s is taken"),
        ({"admin": "0.0.0.0:9000"}, {}, "warning", "can read the metrics"),
        ({"socket_mode": 0o666}, {}, "warning", "--socket-mode 660"),
        # --- TLS
        ({"tls": "dev"}, {}, "error", "only this machine trusts"),
        ({"bind": (":443",), **TLS}, {}, "warning", "--hsts-seconds 31536000"),
        ({"hosts": ()}, {}, "warning", "--hosts example.org"),
        (
            {"hosts": ("site.example", "*.com")},
            {},
            "warning",
            "hosts includes *.com: a client can name hosts of others",
        ),
        ({"hosts": ("*.Org:8443", "*")}, {}, "warning", "hosts includes *.Org:8443, *: a client"),
        ({"hosts": ("*",)}, {}, "weakened", "--hosts example.org,*.example.org"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", error="c is no"),)}, "error", "c is no"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=-3.2),)}, "error", "c expired 3 days ago"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=6),)}, "error", "in 6 days"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=29),)}, "warning", "in 29 days"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", key_mode=0o644),)}, "error", "by every user"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", key_mode=0o640),)}, "warning", "chmod 600 k"),
        # --- capacity
        ({}, {"user_id": 0}, "warning", "--user www-data"),
        ({}, {"cpus": 4}, "warning", "add --workers auto"),
        ({"limits": Limits(worker_bytes=1, idle_seconds=75)}, {}, "warning", "no effect without workers"),
        ({"workers": 9}, {"cpus": 4}, "warning", "9 workers share 4 CPUs"),
        ({"uvloop": True}, {"has_uvloop": False}, "error", "pip install"),
        ({}, {"refused": ("there is no user 'x'",)}, "error", "there is no user 'x'"),
        ({}, {"descriptors": 1024}, "warning", "LimitNOFILE=10128 in systemd; or --connections 896"),
        ({}, {"descriptors": 1024, "max_descriptors": 4096}, "error", "10,000 connections need 10,128"),
        ({}, {"backlog": 128}, "warning", "somaxconn=4096"),
        # --- times
        ({"limits": Limits(drain_seconds=90, idle_seconds=75)}, {}, "warning", "systemd kills after 90 s"),
        ({}, {"in_kubernetes": True}, "warning", "Kubernetes kills after 30 s"),
        ({"limits": Limits(start_seconds=91, idle_seconds=75), "workers": 1}, {}, "warning", "TimeoutStartSec"),
        (
            {"limits": Limits(heartbeat_seconds=1, idle_seconds=75), "workers": 1},
            {},
            "warning",
            "--heartbeat-seconds 5",
        ),
        ({"limits": Limits(idle_seconds=60)}, {}, "warning", "--idle-seconds 75"),
        # --- disk
        ({}, {"temp_free": None}, "error", "/tmp is not writable"),
        ({}, {"temp_free": 1 << 20}, "error", "/tmp has 1 MiB free"),
        ({}, {"temp_free": 100 << 20}, "warning", "10 uploads may need 160 MiB"),
        (
            {},
            {"places": (Place(path="/x", setting="log_file", is_writable=False),)},
            "error",
            "log_file: /x is not writable",
        ),
        ({}, {"places": (Place(path="/x", setting="control", is_world_writable=True),)}, "error", "chmod o-w /x"),
        # --- debug
        ({}, {"debug": ("PYTHONDEVMODE",)}, "error", "PYTHONDEVMODE is set"),
        ({}, {"umask": 0}, "warning", "files are created world-writable"),
    ],
)
def test_each_problem_is_found(options: dict[str, Any], machine: dict[str, Any], level: str, message: str) -> None:
    """One change to a sound machine is one finding, with advice."""
    findings = found(options, Machine(**machine))
    assert message in words(findings, level)
    assert sum(each.level != "ok" for each in findings) == 1, format_findings(findings)


@pytest.mark.parametrize(
    ("options", "machine"),
    [
        ({"workers": 4, "user": "www-data"}, {"user_id": 0, "cpus": 4}),
        ({"bind": (":8000",), "trusted_proxies": ("10.0.0.0/8",)}, {}),
        ({"bind": ("127.0.0.1:8000",), "trusted_proxies": ("127.0.0.1",)}, {}),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=60, key_mode=0o600),)}),
        ({}, {"places": (Place(path="/x", setting="pid_file"),)}),
        ({"bind": ("fd:3",)}, {}),
        ({"hosts": ("example.org", "*.example.org", "localhost:8000")}, {}),
        ({"limits": Limits(connections=100, idle_seconds=75)}, {"descriptors": 1024}),
        ({"limits": Limits(idle_seconds=60), "bind": (":443",), "hsts_seconds": 9, **TLS}, {}),
    ],
)
def test_following_the_advice_ends_a_finding(options: dict[str, Any], machine: dict[str, Any]) -> None:
    """A machine changed as a finding advises passes the check."""
    findings = found(options, Machine(**machine))
    assert {each.level for each in findings} == {"ok"}, format_findings(findings)


@pytest.mark.parametrize(
    ("options", "machine", "state", "level", "message"),
    [
        ({}, {}, {"secret_count": 0, "state_folder": "/state"}, "warning", "is kept in /state: it is lost with this"),
        ({}, {}, {"secret_problem": "FANLIGHT_SECRET is short"}, "error", "FANLIGHT_SECRET is short"),
        ({}, {}, {"secret_count": 0, "folder_problem": "the state folder /state can't be made"}, "error", "/state"),
        ({}, {}, {"folder_problem": "the state folder /state can't be made"}, "error", "--state-folder"),
        ({}, {}, {"store_problem": "the store can't be used: it is gone"}, "error", "it is gone"),
        ({}, {}, {"store_kind": "memory"}, "warning", "everyone is signed out"),
        ({}, {"in_kubernetes": True}, {}, "warning", "--store redis://HOST:6379/0"),
        ({"trusted_proxies": ("127.0.0.1", "10.0.0.5")}, {}, {}, "warning", "--store redis://HOST:6379/0"),
        ({}, {}, {"open_file": "/etc/site.env"}, "warning", "can read the secrets in /etc/site.env"),
    ],
)
def test_the_secret_and_the_store_of_a_site_that_needs_them(
    options: dict[str, Any], machine: dict[str, Any], state: dict[str, Any], level: str, message: str
) -> None:
    """A secret that is weak or only on this machine, a store that is gone or that others can't use, are found."""
    options = {"limits": Limits(idle_seconds=75, drain_seconds=20), **options}
    findings = found(options, Machine(**machine), SiteFacts(services=ServicesState(**state)))
    assert message in words(findings, level)
    assert sum(each.level != "ok" for each in findings) == 1, format_findings(findings)
    assert {each.level for each in found(options, Machine(**machine))} == {"ok"}


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"trusted_proxies": ("10.0.0.5",)}, {"store_kind": "redis", "store_shown": "redis://store.example:6379/0"}),
        ({}, {"store_shown": "sqlite:/var/lib/site/store.sqlite"}),
        ({"trusted_proxies": ("127.0.0.1", "::1")}, {}),
    ],
)
def test_a_sound_secret_and_store_pass(options: dict[str, Any], state: dict[str, Any]) -> None:
    """Strong secrets are counted, and a store that others can use is named."""
    findings = found(options, Machine(), SiteFacts(services=ServicesState(secret_count=2, **state)))
    assert {each.level for each in findings} == {"ok"}, format_findings(findings)
    assert "FANLIGHT_SECRET has 2 strong secrets" in words(findings, "ok")
    assert ("redis://store.example:6379/0" in words(findings, "ok")) is (state.get("store_kind") == "redis")


def test_a_bus_is_named_or_is_an_error() -> None:
    """Without its password, if it can be reached; else with what is wrong."""
    options = {"bus": "redis://:hunter2@bus.example:6379/0"}
    assert "the bus can be reached: redis://bus.example:6379/0" in words(found(options, Machine(), SiteFacts()), "ok")
    broken = found(options, Machine(), SiteFacts(bus_problem="the bus can't be used"))
    assert "the bus can't be used" in words(broken, "error")
    assert "hunter2" not in format_findings(broken)


def test_what_was_weakened_is_named_with_its_place() -> None:
    """Between the warnings and what passes; it is counted, and is no error."""
    weak = Weakness(
        setting="Security(frame=None)", risk="pages can be framed", advice="leave it out", place="main.py:7"
    )
    findings = found({}, Machine(user_id=0), SiteFacts(weaknesses=(weak,)))
    lines = format_findings(findings).splitlines()
    assert lines[2] == "weakened Security(frame=None), main.py:7: pages can be framed"
    assert lines[3].strip() == "-> leave it out"
    assert lines[-1].startswith("0 errors, 1 warning, 1 weakened, ")


def test_a_setting_that_is_weaker_than_its_default_is_named() -> None:
    """With the flag or the variable; a limit that only says what the machine can do is none."""
    limits = Limits(content_bytes=1 << 30, head_seconds=60, connections_per_address=0, threads=500, connections=50_000)
    weak = list(
        weak_options(Options(limits=limits, access_log=False), {"content_bytes": "FANLIGHT_CONTENT_BYTES in .env"})
    )
    assert [each.setting for each in weak] == [
        "content_bytes is 1 GiB (default: 16 MiB)",
        "head_seconds is 60 (default: 10)",
        "connections_per_address is 0 (default: 1000)",
        "access_log is off",
    ]
    assert [each.place for each in weak] == ["FANLIGHT_CONTENT_BYTES in .env", "", "", ""]
    assert all(each.risk and each.advice for each in weak)
    assert list(weak_options(Options(limits=Limits(content_bytes=1, head_seconds=1)), {})) == []


def test_a_redis_that_need_not_prove_who_it_is_is_named() -> None:
    """Of the store and of the bus, by the flag or the variable, and without the rest of the URL."""
    store, bus = "rediss://ann:pass@db/0?ssl_cert_reqs=none", "rediss://bus/0?ssl_check_hostname=false"
    weak = list(weak_options(Options(store=store, bus=bus), {"store": "FANLIGHT_STORE", "bus": "--bus"}))
    assert [(each.setting, each.place) for each in weak] == [
        ("store has ssl_cert_reqs=none", "FANLIGHT_STORE"),
        ("bus has ssl_check_hostname=false", "--bus"),
    ]
    assert all("can pose as the Redis" in each.risk and "pass" not in each.risk + each.advice for each in weak)
    checked = "rediss://db/0?ssl_cert_reqs=required&ssl_check_hostname=true&ssl_ca_certs=none"
    assert list(weak_options(Options(store=checked, bus="redis://localhost"), {})) == []


def test_findings_are_sorted_and_counted() -> None:
    """Errors, then warnings, then passed checks, and a line that counts them."""
    lines = format_findings(found({"trusted_proxies": ("::/0",)}, Machine(user_id=0))).splitlines()
    levels = [line.split()[0] for line in lines if line[:1].isalpha()]
    assert levels == sorted(levels, key=["error", "warning", "ok"].index)
    assert lines[-1].startswith("1 error, 1 warning, ")
