"""Fanlight: what other apps of this folder do, in one, to be compared with an older revision of Fanlight."""

from binding_fanlight import URLS as BINDING
from fanlight_app import user
from pages_fanlight import page
from sessions_fanlight import SYNC as SESSIONS

from fanlight import App

app = App({"/{number:int}": user, "/list/{number}": page, **BINDING, **SESSIONS}, compression=None)
