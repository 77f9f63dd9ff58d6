"""FastAPI: the same nested JSON body, form and dependency, with pydantic; async, its quicker way."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated

from fastapi import Depends, FastAPI, Form
from pydantic import BaseModel, Field

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


class Line(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=50)]
    count: Annotated[int, Field(ge=1, le=99)]
    price: Annotated[float, Field(ge=0)]
    tags: list[str] = []


class Order(BaseModel):
    email: Annotated[str, Field(pattern="@")]
    lines: list[Line]
    due: date
    note: str = ""


@app.post("/json")
async def echo(order: Order) -> Order:
    return order


@app.post("/form")
async def form(
    name: Annotated[str, Form(min_length=1, max_length=50)],
    email: Annotated[str, Form()],
    age: Annotated[int, Form(ge=0, le=150)],
    tags: Annotated[list[str], Form()],
    *,
    news: Annotated[bool, Form()] = False,
    note: Annotated[str, Form()] = "",
) -> dict[str, object]:
    return {"name": name, "email": email, "age": age, "tags": tags, "news": news, "note": note}


async def opened() -> AsyncIterator[list[str]]:
    yield ["open"]


@app.get("/depends")
async def depends(opened: Annotated[list[str], Depends(opened)]) -> dict[str, object]:
    return {"opened": opened}
