"""FastAPI: the sync views of waits_fanlight.py, which run in its thread pool."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from waiting import SLEEPS, compute, read_postgresql, read_sqlite, sleeping

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, default_response_class=HTMLResponse)


@app.get("/user/{number}")
def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


@app.get("/postgresql/{number}")
def postgresql(number: int) -> str:
    return read_postgresql(number)


@app.get("/sqlite/{number}")
def sqlite(number: int) -> str:
    return read_sqlite(number)


app.get("/compute")(compute)
for each in SLEEPS:
    app.get(f"/sleep/{each}")(sleeping(each))
