"""Sanic: its own server and router, an async view. Run by the `sanic` command."""

from sanic import Sanic
from sanic.response import html

app = Sanic("bench")


@app.get("/user/<number:int>")
async def user(_request, number: int):
    return html(f"<h1>user {number}</h1>")
