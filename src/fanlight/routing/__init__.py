"""Routing: the URLS table -> an answer. Sees methods, paths and opaque endpoints."""

from fanlight.routing.build import build
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.key import METHODS
from fanlight.routing.pattern import parameters_of
from fanlight.routing.route import Miss, MissKind, Route
from fanlight.routing.source import Source
from fanlight.routing.table import Table

__all__ = ["CONVERTERS", "METHODS", "Miss", "MissKind", "Route", "Source", "Table", "build", "parameters_of"]
