"""An app that can run itself: the one room that joins app and server."""

from fanlight.site.app import RUN_DEFAULTS, App
from fanlight.site.banner import announcement, banner
from fanlight.site.finding import LoadError
from fanlight.site.loading import load

__all__ = ["RUN_DEFAULTS", "App", "LoadError", "announcement", "banner", "load"]
