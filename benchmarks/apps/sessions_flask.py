"""Flask: the same pages with their session, which is a signed cookie; the user is one of its values."""

from flask import Flask, request, session

app = Flask(__name__)
app.secret_key = "a secret of thirty-two characters or more"


@app.get("/begin")
def begin() -> str:
    number, user = request.args.get("number", type=int), request.args.get("user", type=int)
    session.update(theme="dark", seen=[1, 2, 3], visits=number, user=user)
    return "begun"


@app.get("/page")
def page() -> str:
    return f"<h1>{session['visits']} {session['user']}</h1>"


@app.get("/count")
def count() -> str:
    session["visits"] += 1
    return f"<h1>{session['visits']} visits</h1>"
