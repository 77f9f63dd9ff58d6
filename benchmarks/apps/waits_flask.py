"""Flask: the views of waits_fanlight.py."""

from flask import Flask
from waiting import SLEEPS, compute, read_postgresql, read_sqlite, sleeping

app = Flask(__name__)


@app.get("/user/<int:number>")
def user(number: int) -> str:
    return f"<h1>user {number}</h1>"


@app.get("/postgresql/<int:number>")
def postgresql(number: int) -> str:
    return read_postgresql(number)


@app.get("/sqlite/<int:number>")
def sqlite(number: int) -> str:
    return read_sqlite(number)


app.get("/compute")(compute)
for each in SLEEPS:
    app.get(f"/sleep/{each}", endpoint=f"sleep {each}")(sleeping(each))
