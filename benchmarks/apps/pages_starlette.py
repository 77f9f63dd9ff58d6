"""Starlette: the same Jinja page, sync (in its thread pool) and async."""

from shop import listing
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.templating import Jinja2Templates

templates = Jinja2Templates(directory="templates")


def page(request):
    context = listing(request.path_params["number"], request.query_params.get("q", ""))
    return templates.TemplateResponse(request, "list.html", context)


async def page_async(request):
    context = listing(request.path_params["number"], request.query_params.get("q", ""))
    return templates.TemplateResponse(request, "list.html", context)


app = Starlette(routes=[Route("/list/{number:int}", page), Route("/async/list/{number:int}", page_async)])
