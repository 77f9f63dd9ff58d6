"""An app that can run itself: the one room that joins app and server."""

from fanlight.site.app import App
from fanlight.site.banner import banner
from fanlight.site.loading import LoadError, load

__all__ = ["App", "LoadError", "banner", "load"]
