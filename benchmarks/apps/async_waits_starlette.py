"""Starlette: the async views of async_waits_fanlight.py."""

from awaiting import open_pool, read_postgresql, sleep
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route


async def slept(_request):
    return HTMLResponse(await sleep())


async def postgresql(request):
    return HTMLResponse(await read_postgresql(request.path_params["number"]))


app = Starlette(
    routes=[Route("/sleep", slept), Route("/postgresql/{number:int}", postgresql)],
    lifespan=lambda _: open_pool(),
)
