"""The doctor: what it finds on machines that never were."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.cli.deploy_check.checks import Finding, format_findings, run_checks
from fanlight.cli.deploy_check.machine import Machine, Place, TlsFiles
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options

TLS: dict[str, Any] = {"cert": ("c.pem",)}
SOUND: dict[str, Any] = {"bind": ("unix:/run/s",), "limits": Limits(idle_seconds=75)}
GOOD = "Zk3vQ9-xT7_pLw2RbN8eYs5HcJd4Fg6M"


def found(
    options: dict[str, Any], machine: Machine | None = None, names: dict[str, object] | None = None
) -> list[Finding]:
    return run_checks(Options(**{**SOUND, **options}), machine or Machine(), names or {})


def words(findings: list[Finding], level: str) -> str:
    return "\n".join(f"{each.message} -> {each.advice}" for each in findings if each.level == level)


def test_a_sound_site_on_a_sound_machine_is_fine() -> None:
    """Behind a proxy on a unix socket, or by TLS on every address: nothing is found, and what was looked at is told."""
    for options in ({}, {"bind": (":443",), "redirect_from": (":80",), **TLS}):
        findings = found(options)
        assert {each.level for each in findings} == {"fine"}, words(findings, "warning") + words(findings, "problem")
        assert len(findings) >= 4


@pytest.mark.parametrize(
    ("options", "machine", "level", "message"),
    [
        # --- who can come in
        ({"bind": (":8000",)}, {}, "warning", "there is neither TLS nor a proxy"),
        ({"bind": ("192.168.1.7:8000",)}, {}, "warning", "there is neither TLS nor a proxy"),
        ({"bind": ("[::]:8000",)}, {}, "warning", "there is neither TLS nor a proxy"),
        ({"bind": ("example.org:8000",)}, {}, "warning", "there is neither TLS nor a proxy"),
        ({"bind": ("127.0.0.1:8000",)}, {}, "warning", "add --trusted-proxies 127.0.0.1,::1"),
        ({"bind": ("localhost:8000",)}, {}, "warning", "all clients seem to be one"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, {}, "problem", "every client may say who it is"),
        ({"trusted_proxies": ("10.0.0.1", "::/0")}, {}, "problem", "trusted_proxies has ::/0"),
        ({"trusted_proxies": ("8.0.0.0/8",)}, {}, "warning", "16,777,216 addresses"),
        ({}, {"unavailable": {"unix:/run/s": "/run/s is taken"}}, "problem", "/run/s is taken"),
        ({"admin": "0.0.0.0:9000"}, {}, "warning", "whoever reaches it reads all counts"),
        ({"socket_mode": 0o666}, {}, "warning", "--socket-mode 660"),
        # --- TLS
        ({"tls": "dev"}, {}, "problem", "no browser but yours"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", trouble="c is no"),)}, "problem", "c is no"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=-3.2),)}, "problem", "c ended 3 days ago"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=6),)}, "problem", "6 more days"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=29),)}, "warning", "29 more days"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", key_mode=0o644),)}, "problem", "by everybody"),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", key_mode=0o640),)}, "warning", "chmod 600 k"),
        # --- what there is to serve with
        ({}, {"user_id": 0}, "warning", "--user www-data"),
        ({}, {"cpus": 4}, "warning", "add --workers auto"),
        ({"limits": Limits(worker_bytes=1, idle_seconds=75)}, {}, "warning", "no workers to replace"),
        ({"workers": 9}, {"cpus": 4}, "warning", "9 workers share 4 processors"),
        ({"uvloop": True}, {"missing": ("uvloop",)}, "problem", "pip install"),
        ({}, {"refused": ("there is no user 'x'",)}, "problem", "there is no user 'x'"),
        ({}, {"descriptors": 1024}, "warning", "LimitNOFILE=10128 in systemd; or --connections 896"),
        ({}, {"descriptors": 1024, "most_descriptors": 4096}, "problem", "10,000 connections need 10,128"),
        ({}, {"queue": 128}, "warning", "somaxconn=4096"),
        # --- times
        ({"limits": Limits(drain_seconds=90, idle_seconds=75)}, {}, "warning", "systemd waits 90 s"),
        ({}, {"environ": {"KUBERNETES_SERVICE_HOST": "x"}}, "warning", "Kubernetes waits 30 s"),
        ({"limits": Limits(start_seconds=91, idle_seconds=75), "workers": 1}, {}, "warning", "TimeoutStartSec"),
        (
            {"limits": Limits(heartbeat_seconds=1, idle_seconds=75), "workers": 1},
            {},
            "warning",
            "--heartbeat-seconds 5",
        ),
        ({"limits": Limits(idle_seconds=60)}, {}, "warning", "--idle-seconds 75"),
        # --- disk
        ({}, {"temp_free": None}, "problem", "/tmp can't be written"),
        ({}, {"temp_free": 1 << 20}, "problem", "/tmp has 1 MiB left"),
        ({}, {"temp_free": 100 << 20}, "warning", "10 uploads may need 160 MiB"),
        ({}, {"places": (Place(path="/x", about="log_file", is_writable=False),)}, "problem", "log_file: /x can't"),
        ({}, {"places": (Place(path="/x", about="control", is_open_to_others=True),)}, "problem", "chmod o-w /x"),
        # --- debug
        ({}, {"debug": ("PYTHONDEVMODE",)}, "problem", "PYTHONDEVMODE: it is slow"),
        ({}, {"umask": 0}, "warning", "the umask is 000"),
    ],
)
def test_what_does_not_fit_is_found(options: dict[str, Any], machine: dict[str, Any], level: str, message: str) -> None:
    """One thing is changed on a sound machine: it is found, with what to do."""
    findings = found(options, Machine(**machine))
    assert message in words(findings, level)
    assert sum(each.level != "fine" for each in findings) == 1, format_findings(findings)


@pytest.mark.parametrize(
    ("options", "machine"),
    [
        ({"workers": 4, "user": "www-data"}, {"user_id": 0, "cpus": 4}),
        ({"bind": (":8000",), "trusted_proxies": ("10.0.0.0/8",)}, {}),
        ({"bind": ("127.0.0.1:8000",), "trusted_proxies": ("127.0.0.1",)}, {}),
        (TLS, {"certificates": (TlsFiles(path="c", key="k", days_left=60, key_mode=0o600),)}),
        ({}, {"places": (Place(path="/x", about="pid_file"),)}),
        ({"bind": ("fd:3",)}, {}),
        ({"limits": Limits(connections=100, idle_seconds=75)}, {"descriptors": 1024}),
        ({"limits": Limits(idle_seconds=60), "bind": (":443",), **TLS}, {}),
    ],
)
def test_what_fits_is_fine(options: dict[str, Any], machine: dict[str, Any]) -> None:
    """What an operator does about a finding ends it."""
    findings = found(options, Machine(**machine))
    assert {each.level for each in findings} == {"fine"}, format_findings(findings)


def test_secrets_are_judged_and_never_shown() -> None:
    """Those of the site and of the environment are found by their names; what they are stands nowhere."""
    weak = {"SECRET_KEY": "changeme", "SESSION_KEY": "q8D2x", "API_TOKEN": "ab" * 20, "DB_PASSWORD": "hunter2"}
    findings = found({}, Machine(environ=weak), {"main.SECRET": weak["API_TOKEN"], "main.GOOD_SECRET": GOOD})
    said = format_findings(findings)
    for name in weak:
        assert f"problem  {name} of the environment" in said
    assert "problem  main.SECRET: its characters repeat" in said
    assert "fine     main.GOOD_SECRET is hard to guess" in said
    for secret in (*weak.values(), GOOD):
        assert secret not in said


def test_the_worst_comes_first_and_all_are_counted() -> None:
    """Problems, then warnings, then what is fine, and a line that counts them."""
    lines = format_findings(found({"trusted_proxies": ("::/0",)}, Machine(user_id=0))).splitlines()
    levels = [line.split()[0] for line in lines if line[:1].isalpha()]
    assert levels == sorted(levels, key=["problem", "warning", "fine"].index)
    assert lines[-1].startswith("1 problem, 1 warning, ")
