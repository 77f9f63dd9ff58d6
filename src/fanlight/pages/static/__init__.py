"""Static files: a folder whose files are served as they are."""

from fanlight.pages.static.compressors import compressors
from fanlight.pages.static.copies import CompressedCopies
from fanlight.pages.static.files import StaticFiles
from fanlight.pages.static.folder import StaticFolder
from fanlight.pages.static.static import Static

__all__ = ["CompressedCopies", "Static", "StaticFiles", "StaticFolder", "compressors"]
