"""FastAPI: a small page, and a posted JSON that is sent back, validated as in binding_fastapi.py."""

from binding_fastapi import app
from fastapi.responses import HTMLResponse


@app.get("/page", response_class=HTMLResponse)
async def page() -> str:
    return "<h1>user 42</h1>"
