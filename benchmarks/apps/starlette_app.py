"""Starlette: the same view async and sync (a sync view runs in its thread pool), and one that blocks."""

import time

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route


def user(request):
    return HTMLResponse(f"<h1>user {request.path_params['number']}</h1>")


async def user_async(request):
    return HTMLResponse(f"<h1>user {request.path_params['number']}</h1>")


def slow(_request):
    time.sleep(0.2)
    return HTMLResponse("slow")


app = Starlette(
    routes=[
        Route("/user/{number:int}", user),
        Route("/async/{number:int}", user_async),
        Route("/slow", slow),
    ]
)
