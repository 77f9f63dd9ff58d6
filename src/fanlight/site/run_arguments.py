"""The names and types of the settings that `App.run` takes, for editors and type checkers.

Each is a field of `Options` or `Limits`; a test compares this list with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    """The arguments of `App.run`, besides `host`, `port` and `limits`."""

    bind: Sequence[str]
    socket_mode: int | None
    workers: int | Literal["auto"]
    user: str
    pid_file: str
    env_file: str
    uvloop: bool
    hosts: Sequence[str]
    store: str
    bus: str
    state_folder: str
    cert: Sequence[str]
    key: Sequence[str]
    tls: str
    client_ca: str
    client_cert: str
    redirect_from: Sequence[str]
    hsts_seconds: int
    trusted_proxies: Sequence[str]
    proxy_fields: str
    proxy_early_hints: bool
    proxy_protocol: bool
    access_log: bool
    access_format: str
    access_file: str
    log_file: str
    traceback: str
    admin: str
    admin_hosts: Sequence[str]
    control: str

    head_bytes: int
    content_bytes: int
    head_seconds: float
    idle_seconds: float
    content_seconds: float
    write_seconds: float
    unsent_bytes: int
    unready_seconds: float
    drain_seconds: float
    connections: int
    connections_per_address: int
    message_bytes: int
    messages_per_second: int
    ping_seconds: float
    threads: int
    start_seconds: float
    heartbeat_seconds: float
    worker_requests: int
    worker_bytes: int
