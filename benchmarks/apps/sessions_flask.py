"""Flask: the same page with its session, which is a signed cookie; the user is one of its values."""

from flask import Flask, request, session

app = Flask(__name__)
app.secret_key = "a secret of thirty-two characters or more"


@app.get("/begin")
def begin() -> str:
    session.update(theme="dark", seen=[1, 2, 3], user=request.args.get("user", type=int))
    return "begun"


@app.get("/page")
def page() -> str:
    return f"<h1>{session['theme']} {session['user']}</h1>"
