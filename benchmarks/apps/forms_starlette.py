"""Starlette: the form of binding_fanlight.py, converted and validated by hand, as Starlette leaves that to the view."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route


async def form(request):
    sent = await request.form()
    name, age = sent.get("name", ""), sent.get("age", "")
    if not 1 <= len(name) <= 50 or not age.isdecimal() or not 0 <= int(age) <= 150 or "email" not in sent:
        raise HTTPException(422)
    return JSONResponse(
        {
            "name": name,
            "email": sent["email"],
            "age": int(age),
            "tags": sent.getlist("tags"),
            "news": sent.get("news") == "on",
            "note": sent.get("note", ""),
        }
    )


app = Starlette(routes=[Route("/form", form, methods=["POST"])])
