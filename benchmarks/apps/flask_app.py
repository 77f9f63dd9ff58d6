"""Flask: the same view, and one that blocks."""

import time

from flask import Flask

app = Flask(__name__)


@app.get("/user/<int:number>")
def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


@app.get("/slow")
def slow() -> str:
    time.sleep(0.2)
    return "slow"
