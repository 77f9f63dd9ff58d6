"""Flask: the same Jinja page."""

from flask import Flask, render_template, request
from shop import listing

app = Flask(__name__)


@app.get("/list/<int:number>")
def page(number: int) -> str:
    return render_template("list.html", **listing(number, request.args.get("q", "")))
