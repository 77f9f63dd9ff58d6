"""Starlette: the sync views of waits_fanlight.py, which run in its thread pool."""

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from waiting import SLEEPS, compute, read_postgresql, read_sqlite, sleeping


def user(request):
    return HTMLResponse(f"<h1>user {request.path_params['number']}</h1>")


def postgresql(request):
    return HTMLResponse(read_postgresql(request.path_params["number"]))


def sqlite(request):
    return HTMLResponse(read_sqlite(request.path_params["number"]))


def page(make):
    def view(_request):
        return HTMLResponse(make())

    return view


app = Starlette(
    routes=[
        Route("/user/{number:int}", user),
        Route("/postgresql/{number:int}", postgresql),
        Route("/sqlite/{number:int}", sqlite),
        Route("/compute", page(compute)),
        *(Route(f"/sleep/{each}", page(sleeping(each))) for each in SLEEPS),
    ]
)
