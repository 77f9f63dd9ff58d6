"""Sanic: the async views of async_waits_fanlight.py. Run by the `sanic` command."""

from awaiting import open_pool, read_postgresql, sleep
from sanic import Sanic
from sanic.response import html

app = Sanic("bench")


@app.before_server_start
async def start(app):
    app.ctx.pool = open_pool()
    await app.ctx.pool.__aenter__()


@app.after_server_stop
async def stop(app):
    await app.ctx.pool.__aexit__(None, None, None)


@app.get("/sleep")
async def slept(_request):
    return html(await sleep())


@app.get("/postgresql/<number:int>")
async def postgresql(_request, number: int):
    return html(await read_postgresql(number))
