"""The checks of `fanlight check --deploy`: whether a configuration is ready for production.

In: the options to serve with, what was read of the machine, and facts of the site. Out: findings (errors, warnings,
what was weakened, and what is in order), each with advice. Does no I/O: everything it needs is passed in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from fanlight.cli.deploy_check.deploy_findings import Finding, sort_findings
from fanlight.cli.deploy_check.machine import Machine, TlsFiles
from fanlight.cli.deploy_check.site_checks import ANY_SITE, SiteFacts, site_findings
from fanlight.settings.addresses import is_local, kind_of
from fanlight.settings.options import Options

OTHER_DESCRIPTORS = 64  # of the interpreter, logs, templates, pipes
PARALLEL_UPLOADS = 10  # that must fit on the disk
RENEW_DAYS, URGENT_DAYS = 30, 7
PROXY_KEEPALIVE_SECONDS = 60  # of nginx, and of most load balancers
SYSTEMD_SECONDS = 90  # DefaultTimeoutStopSec, DefaultTimeoutStartSec
KUBERNETES_SECONDS = 30  # terminationGracePeriodSeconds
EXIT_SECONDS = 5  # after drain_seconds, at most
MIN_HEARTBEAT_SECONDS = 5
LARGE_NETWORK = 1 << 16


def run_checks(options: Options, machine: Machine, site: SiteFacts = ANY_SITE) -> list[Finding]:
    """Return all findings, the most severe first."""
    return sort_findings(
        [
            *(Finding("error", reason) for reason in machine.refused),
            *_addresses(options, machine),
            *_trusted_proxies(options),
            *_certificates(options, machine),
            *_processes(options, machine),
            *_descriptors(options, machine),
            *_timeouts(options, machine),
            *_temporary_files(options, machine),
            *_written_files(machine),
            *_debug(machine),
            *site_findings(options, machine, site),
        ]
    )


# --- network --------------------------------------------------------------------------------------------


def _addresses(options: Options, machine: Machine) -> Iterator[Finding]:
    for bind, reason in machine.unavailable.items():
        yield Finding("error", reason if bind in reason else f"{bind}: {reason}")
    if free := [bind for bind in options.addresses if bind not in machine.unavailable]:
        yield Finding("ok", f"{', '.join(free)} can be listened on")
    public = [bind for bind in options.bind if not is_local(bind)]
    if public and not options.has_tls and not options.trusted_proxies:
        yield Finding(
            "warning",
            f"{', '.join(public)} is reachable from other machines, without TLS and without a trusted proxy",
            "add --cert and --key; or bind to localhost or a unix socket behind a proxy",
        )
    elif public:
        yield Finding("ok", f"{', '.join(public)} uses TLS" if options.has_tls else f"{', '.join(public)} is proxied")
    if options.admin and not is_local(options.admin):
        yield Finding(
            "warning",
            f"admin is {options.admin}: anyone who can reach it can read the metrics",
            "bind it to localhost or to a private address: --admin 127.0.0.1:9000",
        )
    if any(kind_of(bind) == "unix" for bind in options.bind) and (options.socket_mode or 0) & 0o002:
        yield Finding("warning", "every user of this machine can connect to the unix socket", "use --socket-mode 660")


def _trusted_proxies(options: Options) -> Iterator[Finding]:
    for text in options.trusted_proxies:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue  # reported by `machine.refused`
        if network.prefixlen == 0:
            yield Finding(
                "error",
                f"trusted_proxies includes {text}: every client can forge its address",
                "list the addresses of the proxies: --trusted-proxies 10.0.0.5",
            )
        elif network.num_addresses >= LARGE_NETWORK and not network.is_private:
            yield Finding(
                "warning",
                f"trusted_proxies includes {text}: {network.num_addresses:,} public addresses",
                "list the addresses of the proxies",
            )
    tcp = [bind for bind in options.bind if kind_of(bind) == "tcp"]
    if tcp and all(is_local(bind) for bind in tcp) and not options.trusted_proxies:
        yield Finding(
            "warning",
            f"{', '.join(tcp)} is local, so clients come through a proxy; it is not trusted, so all of them seem to"
            " have its address",
            "add --trusted-proxies 127.0.0.1,::1",
        )


def _certificates(options: Options, machine: Machine) -> Iterator[Finding]:
    if options.tls == "dev":
        yield Finding("error", "tls is dev: only this machine trusts that certificate", "add --cert and --key")
    for each in machine.certificates:
        yield from _certificate(each)
    if options.has_tls and not options.redirect_from and any(not is_local(bind) for bind in options.bind):
        yield Finding("ok", "http is not served; --redirect-from :80 redirects it to https")


def _certificate(each: TlsFiles) -> Iterator[Finding]:
    if each.error:
        yield Finding("error", each.error, "give the certificate chain (--cert) and its private key (--key)")
    elif each.days_left is not None:
        days, renew = each.days_left, "renew it; a running server loads the new file by itself"
        if days < 0:
            yield Finding("error", f"{each.path} expired {-days:.0f} days ago", renew)
        elif days < RENEW_DAYS:
            yield Finding(
                "error" if days < URGENT_DAYS else "warning", f"{each.path} expires in {days:.0f} days", renew
            )
        else:
            yield Finding("ok", f"{each.path} matches its key and expires in {days:.0f} days")
    if each.key_mode is not None and each.key_mode & 0o077:
        is_public = bool(each.key_mode & 0o007)
        readers = "every user of this machine" if is_public else "its group"
        message = f"{each.key} is readable by {readers} ({each.key_mode:o})"
        yield Finding("error" if is_public else "warning", message, f"chmod 600 {each.key}")


# --- processes and resources ----------------------------------------------------------------------------


def _processes(options: Options, machine: Machine) -> Iterator[Finding]:
    workers, cpus = options.workers, machine.cpus
    of_cpus = f"{cpus} CPU{'s' * (cpus != 1)}"
    if machine.user_id == 0 and not options.user:
        yield Finding(
            "warning",
            "the site would run as root",
            "start it as another user (User= in systemd), or add --workers 1 --user www-data",
        )
    if not workers and cpus > 1:
        yield Finding("warning", f"one process uses one of {of_cpus}", "add --workers auto")
    elif workers > 2 * cpus:
        yield Finding("warning", f"{workers} workers share {of_cpus}", "use --workers auto")
    else:
        yield Finding("ok", f"{workers or 1} process{'es' * (workers > 1)} for {of_cpus}")
    for name in ("worker_requests", "worker_bytes"):
        if getattr(options.limits, name) and not workers:
            yield Finding("warning", f"{name} has no effect without workers", "add --workers 1 or more")
    if options.uvloop and not machine.has_uvloop:
        yield Finding("error", "uvloop is not installed", "pip install 'fanlight[uvloop]'")


def _descriptors(options: Options, machine: Machine) -> Iterator[Finding]:
    limits = options.limits
    needed = limits.connections + limits.threads + OTHER_DESCRIPTORS
    if machine.descriptors < needed:
        fitting = max(1, machine.descriptors - limits.threads - OTHER_DESCRIPTORS)
        yield Finding(
            "error" if machine.max_descriptors < needed else "warning",
            f"the limit of open files is {machine.descriptors:,}, and {limits.connections:,} connections need"
            f" {needed:,}; more clients will wait",
            f"ulimit -n {needed}, or LimitNOFILE={needed} in systemd; or --connections {fitting}",
        )
    else:
        yield Finding("ok", f"{limits.connections:,} connections fit into the limit of open files")
    if machine.backlog < machine.wanted_backlog:
        yield Finding(
            "warning",
            f"the system limits the accept queue to {machine.backlog}; the server asks for {machine.wanted_backlog}",
            f"sysctl net.core.somaxconn={machine.wanted_backlog}",
        )


def _timeouts(options: Options, machine: Machine) -> Iterator[Finding]:
    found = list(_mismatched_timeouts(options, machine))
    yield from found or [Finding("ok", "the timeouts fit together")]


def _mismatched_timeouts(options: Options, machine: Machine) -> Iterator[Finding]:
    limits = options.limits
    if (options.trusted_proxies or all(is_local(bind) for bind in options.bind)) and (
        limits.idle_seconds <= PROXY_KEEPALIVE_SECONDS
    ):
        yield Finding(
            "warning",
            f"idle_seconds is {limits.idle_seconds:g}; a proxy that keeps connections as long (nginx: 60 s) can send"
            " a request just when the server closes, and respond 502",
            "--idle-seconds 75",
        )
    stopping = limits.unready_seconds + limits.drain_seconds + EXIT_SECONDS
    allowed, manager = SYSTEMD_SECONDS, "systemd kills after 90 s (TimeoutStopSec=)"
    if machine.in_kubernetes:
        allowed, manager = KUBERNETES_SECONDS, "Kubernetes kills after 30 s (terminationGracePeriodSeconds)"
    if stopping > allowed:
        yield Finding(
            "warning",
            f"shutdown can take {stopping:g} s (unready_seconds, drain_seconds and the exit), but {manager}",
            "lower --drain-seconds, or raise that timeout",
        )
    if options.workers and limits.start_seconds > SYSTEMD_SECONDS:
        yield Finding(
            "warning",
            f"a worker may take {limits.start_seconds:g} s to start, but systemd waits 90 s (TimeoutStartSec=)",
            "lower --start-seconds, or raise TimeoutStartSec=",
        )
    if options.workers and limits.heartbeat_seconds < MIN_HEARTBEAT_SECONDS:
        yield Finding(
            "warning",
            f"workers are restarted after {limits.heartbeat_seconds:g} s without a heartbeat: too few under load",
            f"--heartbeat-seconds {MIN_HEARTBEAT_SECONDS} or more",
        )


def _temporary_files(options: Options, machine: Machine) -> Iterator[Finding]:
    size, folder, free = options.limits.content_bytes, machine.temp_folder, machine.temp_free
    needed = size * PARALLEL_UPLOADS
    if free is None:
        yield Finding(
            "error",
            f"{f'{folder} is not' if folder else 'no temporary folder is'} writable: bodies are spooled there",
            "set TMPDIR to a writable folder; in a container, mount one: --tmpfs /tmp",
        )
    elif free < needed:
        yield Finding(
            "error" if free < size else "warning",
            f"{folder} has {free >> 20:,} MiB free; {PARALLEL_UPLOADS} uploads may need {needed >> 20:,} MiB",
            "free some space, set TMPDIR, or lower --content-bytes",
        )
    else:
        yield Finding("ok", f"{folder} has room for request bodies of {size >> 20:,} MiB")


def _written_files(machine: Machine) -> Iterator[Finding]:
    for place in machine.places:
        if not place.is_writable:
            yield Finding("error", f"{place.setting}: {place.path} is not writable", "create it, or choose another")
        elif place.is_world_writable:
            yield Finding(
                "error",
                f"{place.setting}: every user can write to {place.path}, and replace the file",
                f"chmod o-w {place.path}, or choose another folder",
            )
        else:
            yield Finding("ok", f"{place.setting}: {place.path} is writable")


def _debug(machine: Machine) -> Iterator[Finding]:
    if machine.debug:
        yield Finding("error", f"{', '.join(machine.debug)} is set: for development only, and slow", "remove it")
    if not machine.umask & 0o002:
        yield Finding(
            "warning", f"the umask is {machine.umask:03o}: files are created world-writable", "umask 027, or UMask="
        )
