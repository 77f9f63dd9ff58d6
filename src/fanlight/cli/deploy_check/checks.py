"""Say whether a site can be put where everybody is: `fanlight check --deploy`.

In: the options it would be served with, what the machine says of itself, the names in the
site's files. Out: findings: problems, warnings, and what is fine, each with what to do. Reads no file and
asks no system: all it knows, it is given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fanlight.cli.deploy_check.machine import Machine, TlsFiles
from fanlight.cli.secrecy import secrets_of, weakness
from fanlight.settings.addresses import is_local, kind_of
from fanlight.settings.options import Options
from fanlight.settings.units import format_bytes

Level = Literal["problem", "warning", "fine"]
_ORDER: tuple[Level, ...] = ("problem", "warning", "fine")

DESCRIPTORS_BESIDE = 64  # of the interpreter, logs, templates, pipes
UPLOADS_AT_ONCE = 10  # that a disk must have room for
DAYS_TO_RENEW, DAYS_TO_HURRY = 30, 7
PROXY_KEEPS_SECONDS = 60  # nginx, and most balancers, keep an idle connection to us so long
SYSTEMD_SECONDS = 90  # DefaultTimeoutStopSec, DefaultTimeoutStartSec
KUBERNETES_SECONDS = 30  # terminationGracePeriodSeconds
LEAVING_SECONDS = 5  # behind drain_seconds, at most
QUICKEST_HEARTBEAT = 5
WIDE_NETWORK = 1 << 16


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    message: str
    advice: str = ""


def run_checks(options: Options, machine: Machine, names: Mapping[str, object]) -> list[Finding]:
    """Return all findings, the worst first. `names` are those in the site's files, with their values."""
    found = [
        *(Finding("problem", why) for why in machine.refused),
        *_addresses(options, machine),
        *_trust(options),
        *_certificates(options, machine),
        *_secrets(machine, names),
        *_processes(options, machine),
        *_descriptors(options, machine),
        *_times(options, machine),
        *_disk(options, machine),
        *_debug(machine),
    ]
    return sorted(found, key=lambda each: _ORDER.index(each.level))


def format_findings(findings: Sequence[Finding]) -> str:
    """Return findings as lines for a terminal, and how many there are of each kind."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{each.level:<9}{each.message}")
        if each.advice:
            lines.append(f"{'':<9}-> {each.advice}")
    problems, warnings, fine = (sum(each.level == level for each in findings) for level in _ORDER)
    count = f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}, {fine} fine"
    return "\n".join([*lines, "", count])


# --- who can come in -------------------------------------------------------------------------------


def _addresses(options: Options, machine: Machine) -> Iterator[Finding]:
    for bind, why in machine.unavailable.items():
        yield Finding("problem", why if bind in why else f"{bind}: {why}")
    if free := [bind for bind in options.addresses if bind not in machine.unavailable]:
        yield Finding("fine", f"{', '.join(free)} can be listened on")
    public = [bind for bind in options.bind if not is_local(bind)]
    if public and not options.has_tls and not options.trusted_proxies:
        yield Finding(
            "warning",
            f"{', '.join(public)} can be reached from other machines, and there is neither TLS nor a proxy",
            "add --cert and --key; or bind to localhost or a unix socket, and put a proxy in front",
        )
    elif public:
        yield Finding("fine", f"{', '.join(public)}: {'by TLS' if options.has_tls else 'for the proxies you trust'}")
    if options.admin and not is_local(options.admin):
        yield Finding(
            "warning",
            f"admin is {options.admin}: whoever reaches it reads all counts",
            "bind it to localhost, or to an address of a private network: --admin 127.0.0.1:9000",
        )
    if any(kind_of(bind) == "unix" for bind in options.bind) and (options.socket_mode or 0) & 0o002:
        yield Finding(
            "warning", "everybody on this machine may speak to the unix socket", "leave others out: --socket-mode 660"
        )


def _trust(options: Options) -> Iterator[Finding]:
    for text in options.trusted_proxies:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue  # a name; whoever reads it says whether it can be
        if network.prefixlen == 0:
            yield Finding(
                "problem",
                f"trusted_proxies has {text}: every client may say who it is",
                "name the addresses of the proxies: --trusted-proxies 10.0.0.5",
            )
        elif network.num_addresses >= WIDE_NETWORK and not network.is_private:
            yield Finding(
                "warning",
                f"trusted_proxies has {text}: {network.num_addresses:,} addresses, and not of a private network",
                "name the addresses of the proxies",
            )
    reached = [bind for bind in options.bind if kind_of(bind) == "tcp"]
    if reached and all(is_local(bind) for bind in reached) and not options.trusted_proxies:
        yield Finding(
            "warning",
            f"only this machine reaches {', '.join(reached)}, so there is a proxy in front; it is not trusted,"
            " and all clients seem to be one",
            "add --trusted-proxies 127.0.0.1,::1",
        )


def _certificates(options: Options, machine: Machine) -> Iterator[Finding]:
    if options.tls == "dev":
        yield Finding("problem", "tls is dev: no browser but yours trusts that certificate", "add --cert and --key")
    for each in machine.certificates:
        yield from _certificate(each)
    if options.has_tls and not options.redirect_from and any(not is_local(bind) for bind in options.bind):
        yield Finding("fine", "plain http is not listened for; --redirect-from :80 sends those who type no https on")


def _certificate(each: TlsFiles) -> Iterator[Finding]:
    if each.trouble:
        yield Finding("problem", each.trouble, "give the certificate with its chain (--cert), and its own key (--key)")
    elif each.days_left is not None:
        days, renew = each.days_left, "renew it; a running server takes up the new file by itself"
        if days < 0:
            yield Finding("problem", f"{each.path} ended {-days:.0f} days ago", renew)
        elif days < DAYS_TO_RENEW:
            level: Level = "problem" if days < DAYS_TO_HURRY else "warning"
            yield Finding(level, f"{each.path} is good for {days:.0f} more days", renew)
        else:
            yield Finding("fine", f"{each.path} fits its key and is good for {days:.0f} more days")
    if each.key_mode is not None and each.key_mode & 0o077:
        others = "everybody on this machine" if each.key_mode & 0o007 else "a whole group"
        level = "problem" if each.key_mode & 0o007 else "warning"
        yield Finding(level, f"{each.key} can be read by {others} ({each.key_mode:o})", f"chmod 600 {each.key}")


def _secrets(machine: Machine, names: Mapping[str, object]) -> Iterator[Finding]:
    places = {" of the environment": machine.environ, "": names}
    for where, these in places.items():
        for name, secret in secrets_of(these).items():
            why = weakness(name, secret)
            if why:
                yield Finding(
                    "problem", f"{name}{where}: {why}", "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
                )
            else:
                yield Finding("fine", f"{name}{where} is hard to guess")


# --- what there is to serve with -------------------------------------------------------------------


def _processes(options: Options, machine: Machine) -> Iterator[Finding]:
    workers, cpus = options.workers, machine.cpus
    if machine.user_id == 0 and not options.user:
        yield Finding(
            "warning",
            "the site would run as root, and so would whoever finds a hole in it",
            "start it as somebody else (User= in systemd), or add --workers 1 --user www-data",
        )
    if not workers and cpus > 1:
        yield Finding("warning", f"one process uses one of {cpus} processors", "add --workers auto")
    elif workers > 2 * cpus:
        yield Finding(
            "warning",
            f"{workers} workers share {cpus} processor{'s' * (cpus != 1)}",
            "--workers auto takes as many as fit",
        )
    else:
        yield Finding("fine", f"{workers or 1} process{'es' * (workers > 1)} for {cpus} processor{'s' * (cpus != 1)}")
    for name in ("worker_requests", "worker_bytes"):
        if getattr(options.limits, name) and not workers:
            yield Finding(
                "warning", f"{name} is given, and there are no workers to replace", "add --workers 1, or more"
            )
    if "uvloop" in machine.missing:
        yield Finding("problem", "uvloop is asked for and not installed", "pip install 'fanlight[uvloop]'")


def _descriptors(options: Options, machine: Machine) -> Iterator[Finding]:
    needed = options.limits.connections + options.limits.threads + DESCRIPTORS_BESIDE
    if machine.descriptors < needed:
        raising = f"ulimit -n {needed}, or LimitNOFILE={needed} in systemd"
        lowering = f"--connections {max(1, machine.descriptors - options.limits.threads - DESCRIPTORS_BESIDE)}"
        yield Finding(
            "problem" if machine.most_descriptors < needed else "warning",
            f"each process may have {machine.descriptors:,} files open, and {options.limits.connections:,} connections"
            f" need {needed:,}; beyond that clients wait",
            f"{raising}; or {lowering}",
        )
    else:
        yield Finding("fine", f"{options.limits.connections:,} connections fit into the limit of open files")
    if machine.queue < machine.wanted_queue:
        yield Finding(
            "warning",
            f"the system lets {machine.queue} connections wait, we ask for {machine.wanted_queue}",
            f"sysctl net.core.somaxconn={machine.wanted_queue}",
        )


def _times(options: Options, machine: Machine) -> Iterator[Finding]:
    limits = options.limits
    leaving = limits.unready_seconds + limits.drain_seconds + LEAVING_SECONDS
    patience, who = SYSTEMD_SECONDS, "systemd waits 90 s unless TimeoutStopSec= says more"
    if "KUBERNETES_SERVICE_HOST" in machine.environ:
        patience, who = KUBERNETES_SECONDS, "Kubernetes waits 30 s unless terminationGracePeriodSeconds says more"
    before = len(found := list(_proxy_times(options)))
    if leaving > patience:
        found.append(
            Finding(
                "warning",
                f"to leave may take {leaving:g} s (unready, drain and a rest), but {who}: what still runs then is lost",
                "lower --drain-seconds, or have it wait longer",
            )
        )
    if options.workers and limits.start_seconds > SYSTEMD_SECONDS:
        found.append(
            Finding(
                "warning",
                f"a worker may take {limits.start_seconds:g} s to start, but systemd waits 90 s for a first one",
                "lower --start-seconds, or raise TimeoutStartSec=",
            )
        )
    if options.workers and limits.heartbeat_seconds < QUICKEST_HEARTBEAT:
        found.append(
            Finding(
                "warning",
                f"a worker is ended after {limits.heartbeat_seconds:g} s of silence; a busy machine may need longer",
                f"--heartbeat-seconds {QUICKEST_HEARTBEAT} or more",
            )
        )
    if len(found) == before == 0:
        found.append(Finding("fine", "the times fit together"))
    yield from found


def _proxy_times(options: Options) -> Iterator[Finding]:
    has_proxy = bool(options.trusted_proxies) or all(is_local(bind) for bind in options.bind)
    if has_proxy and options.limits.idle_seconds <= PROXY_KEEPS_SECONDS:
        yield Finding(
            "warning",
            f"idle_seconds is {options.limits.idle_seconds:g}; a proxy that keeps connections as long (nginx: 60 s)"
            " asks now and then on one that we are closing, and answers 502",
            "--idle-seconds 75",
        )


def _disk(options: Options, machine: Machine) -> Iterator[Finding]:
    needed = options.limits.content_bytes * UPLOADS_AT_ONCE
    if machine.temp_free is None:
        yield Finding(
            "problem",
            f"{machine.temp_folder} can't be written; content goes there"
            if machine.temp_folder
            else "there is no folder for temporary files that can be written; content goes there",
            "set TMPDIR to a folder that can be written; in a container, mount one: --tmpfs /tmp",
        )
    elif machine.temp_free < needed:
        yield Finding(
            "problem" if machine.temp_free < options.limits.content_bytes else "warning",
            f"{machine.temp_folder} has {format_bytes(machine.temp_free)} left; {UPLOADS_AT_ONCE} uploads may need"
            f" {format_bytes(needed)}",
            "make room, set TMPDIR, or lower --content-bytes",
        )
    else:
        yield Finding(
            "fine", f"{machine.temp_folder} has room for uploads of {format_bytes(options.limits.content_bytes)}"
        )
    for place in machine.places:
        if not place.is_writable:
            yield Finding("problem", f"{place.about}: {place.path} can't be written", "make it, or choose another")
        elif place.is_open_to_others:
            yield Finding(
                "problem",
                f"{place.about}: everybody may write in {place.path}, and put something else in its place",
                f"chmod o-w {place.path}, or choose another folder",
            )
        else:
            yield Finding("fine", f"{place.about}: {place.path} can be written")


def _debug(machine: Machine) -> Iterator[Finding]:
    if machine.debug:
        yield Finding("problem", f"{', '.join(machine.debug)}: it is slow, and for development", "leave it out")
    if not machine.umask & 0o002:
        yield Finding(
            "warning",
            f"the umask is {machine.umask:03o}: everybody may change the files we make",
            "umask 027, or UMask=",
        )
