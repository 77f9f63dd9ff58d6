"""Flask: a small page, and a posted JSON that is sent back."""

from typing import Any

from flask import Flask, request

app = Flask(__name__)


@app.get("/page")
def page() -> str:
    return "<h1>user 42</h1>"


@app.post("/json")
def echo() -> Any:
    return request.json
