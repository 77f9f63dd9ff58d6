"""Starlette: the same page with SessionMiddleware, a signed cookie; the user is one of its values."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Route


async def begin(request):
    user = request.query_params.get("user")
    request.session.update(theme="dark", seen=[1, 2, 3], user=user and int(user))
    return HTMLResponse("begun")


async def page(request):
    return HTMLResponse(f"<h1>{request.session['theme']} {request.session['user']}</h1>")


app = Starlette(
    routes=[Route("/begin", begin), Route("/page", page)],
    middleware=[Middleware(SessionMiddleware, secret_key="a secret of thirty-two characters or more")],
)
