"""Litestar: the view async, the path parameter bound by its annotation."""

from litestar import Litestar, MediaType, get


@get("/async/{number:int}", media_type=MediaType.HTML)
async def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


app = Litestar([user], openapi_config=None, logging_config=None)
