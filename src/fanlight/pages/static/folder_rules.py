"""What is special about a folder: one of the site's own files, or one of files that visitors have uploaded.

In: nothing. Out: two sets of rules. Of an uploaded file nothing is trusted: its name does not make it the page of a
folder (index.html), nor another form of a file beside it (x.png.gz), and it is a download if a browser would do more
with it than show it.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from fanlight.message.headers import Pair
from fanlight.message.media_types import media_type_by_name
from fanlight.message.uploaded_files import safe_type, uploaded_fields


class FolderRules(Struct, frozen=True):
    """How the files of a folder are served."""

    has_indexes: bool  # index.html is served for its folder, and `.well-known` is public
    has_side_files: bool  # x.css.br is a form of x.css
    has_fingerprints: bool  # x.1a2b3c4d.css is x.css
    media_type: Callable[[str], str]  # by the name of a file
    fields: Callable[[str, str], tuple[Pair, ...]]  # by its media type and its name


SITE_FILES = FolderRules(
    has_indexes=True,
    has_side_files=True,
    has_fingerprints=True,
    media_type=media_type_by_name,
    fields=lambda _, __: (),
)
UPLOADED_FILES = FolderRules(
    has_indexes=False,
    has_side_files=False,
    has_fingerprints=False,
    media_type=lambda name: safe_type(media_type_by_name(name)),
    fields=uploaded_fields,
)
