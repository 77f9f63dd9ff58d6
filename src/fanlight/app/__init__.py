"""The app: joins routing, message and pages; views are bound, called, and what is around them."""

from fanlight.app.application import Application

__all__ = ["Application"]
