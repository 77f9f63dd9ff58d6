"""FastAPI: the same view async and sync, the path parameter bound by its annotation."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/user/{number}", response_class=HTMLResponse)
def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


@app.get("/async/{number}", response_class=HTMLResponse)
async def user_async(number: int) -> str:
    return f"<h1>user {number}</h1>"
