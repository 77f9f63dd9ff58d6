"""The Visitors' Book. Serve it with `fanlight dev guestbook`."""

import asyncio

from fanlight import App, ContentSecurityPolicy, Security, Sessions, Static, Templates, rate_limit, table

from . import admin, api, book, database, doors
from .accounts import visitor
from .entries import PICTURES
from .live import News, live
from .settings import UPLOADS


async def lifespan(app):
    with database.opened() as connect:
        app.state["connect"] = connect
        app.state["news"] = news = News(connect)
        watching = asyncio.create_task(news.watch())
        yield
        watching.cancel()


URLS = {
    "/": book.read,
    "POST /entries/{id}/remove": book.remove,
    "GET|POST /sign": rate_limit("20/minute", by="user", methods=["POST"])(book.sign),
    "/live": live,
    "GET|POST /register": rate_limit("60/hour", methods=["POST"])(doors.register),
    "GET|POST /sign-in": doors.enter,
    "POST /sign-out": doors.leave,
    "/account": doors.account,
    "/admin": admin.URLS,
    "/api": table(api.URLS, name="api", json_errors=True),
    PICTURES: Static(UPLOADS, uploads=True),
    "/static": Static("static"),
}

app = App(
    URLS,
    lifespan=lifespan,
    templates=Templates(context={"user": visitor}),
    errors=dict.fromkeys((400, 403, 404, 405, 413, 415, 421, 422, 429, 500, 503, 507), "sorry.html"),
    sessions=Sessions(sign_in=doors.enter),
    security=Security(content_security_policy=ContentSecurityPolicy()),
    openapi="/openapi.json",
)
