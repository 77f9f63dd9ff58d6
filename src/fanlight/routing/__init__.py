"""Routing: the URLS table -> an answer. Sees methods, paths and opaque endpoints."""

from fanlight.routing.build import build
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.entries import Folder
from fanlight.routing.key import METHODS
from fanlight.routing.names import name_of
from fanlight.routing.path import browser_path
from fanlight.routing.pattern import parameters_of
from fanlight.routing.route import Miss, MissKind, Route
from fanlight.routing.source import Source
from fanlight.routing.table import Table

__all__ = [
    "CONVERTERS",
    "METHODS",
    "Folder",
    "Miss",
    "MissKind",
    "Route",
    "Source",
    "Table",
    "browser_path",
    "build",
    "name_of",
    "parameters_of",
]
