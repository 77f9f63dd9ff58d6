"""The checks of a site and its settings together: what it has weakened, its secret, its store.

In: the options, what was read of the machine, and facts of the site. Out: findings. Does no I/O.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fanlight.cli.deploy_check.deploy_findings import Finding
from fanlight.cli.deploy_check.machine import Machine
from fanlight.cli.deploy_check.services_state import ServicesState
from fanlight.settings.addresses import is_local
from fanlight.settings.host_names import ANY
from fanlight.settings.options import Options
from fanlight.settings.store_url import read_bus_url
from fanlight.weakness import Weakness


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What is known of a site that is checked."""

    weaknesses: tuple[Weakness, ...] = ()
    services: ServicesState | None = None  # None: it signs nothing, and keeps nothing in the store
    bus_problem: str = ""  # why the bus of its topics can't be used
    has_hosts: bool = False  # it refuses other hosts itself, whatever --hosts is


ANY_SITE = SiteFacts()
_ALL_OF_A_DOMAIN = re.compile(r"\*\.[^.:]+\.?(:[0-9]+)?")  # *.com: every site there is below a top-level domain


def site_findings(options: Options, machine: Machine, site: SiteFacts) -> Iterator[Finding]:
    """Yield the findings about a site."""
    yield from _weakened(site)
    yield from _hosts(options, site)
    yield from _hsts(options)
    if site.services is not None:
        yield from _secret(site.services)
        yield from _store(options, machine, site.services)
    if site.bus_problem:
        yield Finding("error", site.bus_problem)
    elif options.bus:
        yield Finding("ok", f"the bus can be reached: {read_bus_url(options.bus).shown}")


def _weakened(site: SiteFacts) -> Iterator[Finding]:
    for each in site.weaknesses:
        where = f", {each.place}" if each.place else ""
        yield Finding("weakened", f"{each.setting}{where}: {each.risk}", each.advice)
    if not site.weaknesses:
        yield Finding("ok", "no default is weakened")


def _hosts(options: Options, site: SiteFacts) -> Iterator[Finding]:
    wide = [each for each in options.hosts if each == ANY or _ALL_OF_A_DOMAIN.fullmatch(each)]
    if wide:
        yield Finding(
            "warning" if wide != [ANY] else "weakened",
            f"hosts includes {', '.join(wide)}: a client can name hosts of others, and links are made of it",
            "list those of the site: --hosts example.org,*.example.org",
        )
    elif options.hosts:
        yield Finding("ok", f"the site is served for {', '.join(options.hosts)} only")
    elif site.has_hosts:
        yield Finding("ok", "the site is served for the hosts in its Hosts only")
    else:
        yield Finding(
            "warning",
            "hosts is not set: a client can name any host, and links to the site are made of it",
            "add --hosts example.org,www.example.org",
        )


def _hsts(options: Options) -> Iterator[Finding]:
    if options.cert and not options.hsts_seconds and any(not is_local(bind) for bind in options.bind):
        yield Finding(
            "warning",
            "hsts_seconds is 0: an attacker in a visitor's network can keep the browser on plain http",
            "when https has worked for some days, add --hsts-seconds 31536000",
        )


def _secret(state: ServicesState) -> Iterator[Finding]:
    if state.secret_problem:
        yield Finding("error", state.secret_problem)
    elif state.secret_count:
        yield Finding("ok", f"FANLIGHT_SECRET has {state.secret_count} strong secret{'s' * (state.secret_count > 1)}")
    elif not state.folder_problem:
        yield Finding(
            "warning",
            f"the secret that signs sessions is kept in {state.state_folder}: it is lost with this machine or its"
            " container, and no other machine has it",
            "set FANLIGHT_SECRET; `fanlight secret` prints one",
        )
    if state.open_file:
        yield Finding(
            "warning", f"every user of this machine can read the secrets in {state.open_file}", "chmod 600 it"
        )
    if state.folder_problem:
        yield Finding("error", state.folder_problem, "choose another: --state-folder; in systemd: StateDirectory=")


def _store(options: Options, machine: Machine, state: ServicesState) -> Iterator[Finding]:
    if state.store_problem:
        yield Finding("error", state.store_problem)
    elif state.store_kind == "redis":
        yield Finding("ok", f"the store is shared, and can be reached: {state.store_shown}")
    elif state.store_kind == "memory":
        yield Finding(
            "warning",
            "store is memory: at each restart everyone is signed out, and all counts begin again at 0",
            "use --store sqlite:PATH, or leave it out",
        )
    elif machine.in_kubernetes or _has_distant_proxies(options):
        yield Finding(
            "warning",
            "the store is on this machine; if others serve the site as well, each has sessions and counts of its own",
            "use --store redis://HOST:6379/0 for several machines",
        )


def _has_distant_proxies(options: Options) -> bool:
    """Return whether a trusted proxy is on another machine: a load balancer, perhaps, in front of several."""
    for text in options.trusted_proxies:
        try:
            if not ipaddress.ip_network(text, strict=False).is_loopback:
                return True
        except ValueError:
            continue  # reported by `machine.refused`
    return False
