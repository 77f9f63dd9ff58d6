"""aiohttp: its own server and router, on uvloop, access log off. Run: python aiohttp_app.py PORT."""

import sys

import uvloop
from aiohttp import web


async def user(request):
    return web.Response(text=f"<h1>user {int(request.match_info['number'])}</h1>", content_type="text/html")


app = web.Application()
app.router.add_get(r"/user/{number:\d+}", user)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
