"""Passwords in views of every kind, through a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from fanlight import App, Request, lane, middleware, verify_password
from fanlight.message.handler import HUB_LEAVER
from fanlight.passwords.hashing_threads import HashingThreads
from fanlight.passwords.passwords import hash_password
from fanlight.testing import Client


def is_right(password: str) -> bool:
    return verify_password(password, hash_password("right"))


def plain(password: str) -> dict[str, bool]:
    return {"right": is_right(password)}


@lane("inline")
def inline(password: str) -> dict[str, bool]:
    return {"right": is_right(password)}


@lane("thread")
def in_thread(password: str) -> dict[str, bool]:
    return {"right": is_right(password)}


async def through_async_middleware(request: Request) -> AsyncIterator[None]:
    yield


async def awaiting(password: str) -> dict[str, bool]:
    return {"right": await asyncio.to_thread(is_right, password)}


async def blocking(password: str) -> dict[str, bool]:
    return {"right": is_right(password)}


async def depending(right: Annotated[bool, is_right]) -> dict[str, bool]:
    return {"right": right}


URLS: dict[str, Any] = {
    "POST /plain": plain,
    "POST /inline": inline,
    "POST /thread": in_thread,
    "/middleware": middleware(through_async_middleware)({"POST /": lambda password: {"right": is_right(password)}}),
    "POST /await": awaiting,
    "POST /blocking": blocking,
    "POST /depending": depending,
}


@pytest.mark.parametrize("path", ["/plain", "/inline", "/thread", "/middleware", "/await"])
def test_a_view_that_may_wait_verifies(kind: str, path: str) -> None:
    """A plain view does so wherever it runs, again and again; an async one in a thread."""
    with Client(App(URLS)) as client:
        for _ in range(3):
            assert client.post(path, form={"password": "right"}).json() == {"right": True}
            assert client.post(path, form={"password": "wrong"}).json() == {"right": False}


@pytest.mark.parametrize("path", ["/blocking", "/depending"])
def test_the_event_loop_is_not_blocked(kind: str, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """An async view, and a plain dependency of one, get an error that says what to write."""
    with Client(App(URLS)) as client:
        assert client.post(f"{path}?password=right", form={"password": "right"}).status == 500
    assert "write `await asyncio.to_thread(hash_password, password)`" in caplog.text


def test_a_view_leaves_the_hub_before_it_computes() -> None:
    """The server is free before the computation begins, and not when its detector has found it."""
    events: list[str] = []

    def compute() -> bytes:
        events.append("computed")
        return b"digest"

    token = HUB_LEAVER.set(events.append)
    try:
        HashingThreads(1).run(compute)
    finally:
        HUB_LEAVER.reset(token)
    assert events == ["hashes passwords", "computed"]
