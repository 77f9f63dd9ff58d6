"""A site with a view that holds a thread: what tests/hostile/floods.py measures."""

from __future__ import annotations

import time

from fanlight import lane


def index() -> str:
    return "hello"


@lane("thread")
def held() -> str:
    time.sleep(1)
    return "held"


URLS = {"/": index, "/held": held}
