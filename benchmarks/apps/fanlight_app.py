"""Fanlight: one path parameter bound by its annotation, sync and async, and a view that blocks."""

import time


def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


async def user_async(number: int) -> str:
    return f"<h1>user {number}</h1>"


def slow() -> str:
    time.sleep(0.2)
    return "slow"


URLS = {
    "/user/{number}": user,
    "/async/{number}": user_async,
    "/slow": slow,
}
