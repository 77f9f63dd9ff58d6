"""Starlette: the same pages with SessionMiddleware, a signed cookie; the user is one of its values."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Route


async def begin(request):
    user = request.query_params.get("user")
    number = int(request.query_params["number"])
    request.session.update(theme="dark", seen=[1, 2, 3], visits=number, user=user and int(user))
    return HTMLResponse("begun")


async def page(request):
    return HTMLResponse(f"<h1>{request.session['visits']} {request.session['user']}</h1>")


async def count(request):
    request.session["visits"] += 1
    return HTMLResponse(f"<h1>{request.session['visits']} visits</h1>")


app = Starlette(
    routes=[Route("/begin", begin), Route("/page", page), Route("/count", count)],
    middleware=[Middleware(SessionMiddleware, secret_key="a secret of thirty-two characters or more")],
)
