"""aiohttp: the async views of async_waits_fanlight.py, on uvloop. Run: python async_waits_aiohttp.py PORT."""

import sys

import uvloop
from aiohttp import web
from awaiting import open_pool, read_postgresql, sleep


async def slept(_request):
    return web.Response(text=await sleep(), content_type="text/html")


async def postgresql(request):
    return web.Response(text=await read_postgresql(int(request.match_info["number"])), content_type="text/html")


async def pool(_app):
    async with open_pool():
        yield


app = web.Application()
app.cleanup_ctx.append(pool)
app.router.add_get("/sleep", slept)
app.router.add_get(r"/postgresql/{number:\d+}", postgresql)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
