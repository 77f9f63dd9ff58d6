"""Media types: the constants, and the media type for a file name extension.

In: a file name, or a `content-type`. Out: a media type, with `charset=utf-8` for text. The table does not depend on the
system: system tables differ between machines, and some have `text/plain` for JavaScript, which browsers refuse to run.
"""

from __future__ import annotations

from collections.abc import Mapping

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
OCTET_STREAM = "application/octet-stream"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

# By media type; files with other extensions are sent as OCTET_STREAM.
_TEXT = {
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm",
    "text/javascript": "js mjs cjs",
    "text/markdown": "md markdown",
    "text/plain": "txt text log conf ini",
    "text/tab-separated-values": "tsv",
    "text/vcard": "vcf",
    "text/vtt": "vtt",
    "text/x-rst": "rst",
}
_OTHERS = {
    "application/atom+xml": "atom",
    "application/epub+zip": "epub",
    "application/geo+json": "geojson",
    "application/gpx+xml": "gpx",
    "application/gzip": "gz tgz",
    "application/java-archive": "jar",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/msword": "doc",
    "application/ogg": "ogx",
    "application/pdf": "pdf",
    "application/pgp-signature": "sig",
    "application/postscript": "ps eps",
    "application/rss+xml": "rss",
    "application/rtf": "rtf",
    "application/sql": "sql",
    "application/toml": "toml",
    "application/vnd.amazon.ebook": "azw",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.apple.installer+xml": "mpkg",
    "application/vnd.apple.mpegurl": "m3u8",
    "application/vnd.google-earth.kml+xml": "kml",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-fontobject": "eot",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.sqlite3": "sqlite sqlite3",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2",
    "application/x-tar": "tar",
    "application/x-xz": "xz",
    "application/xhtml+xml": "xhtml xht",
    "application/xml": "xml xsl xsd",
    "application/xslt+xml": "xslt",
    "application/yaml": "yaml yml",
    "application/zip": "zip",
    "application/zstd": "zst",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/midi": "mid midi",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "oga ogg opus",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "font/collection": "ttc",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg jpeg jpe jfif",
    "image/jxl": "jxl",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif tiff",
    "image/vnd.microsoft.icon": "ico cur",
    "image/webp": "webp",
    "message/rfc822": "eml",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "model/stl": "stl",
    "video/3gpp": "3gp",
    "video/mp2t": "ts",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpg mpeg",
    "video/ogg": "ogv",
    "video/quicktime": "mov qt",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
BY_EXTENSION: Mapping[str, str] = {
    **{extension: kind for kind, extensions in _OTHERS.items() for extension in extensions.split()},
    **{extension: f"{kind}; charset=utf-8" for kind, extensions in _TEXT.items() for extension in extensions.split()},
}
# What a browser shows or plays, and never runs, wherever it comes from.
INERT_MEDIA = frozenset(
    f"{kind}/{each}"
    for kind, names in {
        "image": "apng avif bmp gif heic heif jpeg jxl png tiff vnd.microsoft.icon webp",
        "audio": "aac flac mp4 mpeg ogg wav webm",
        "video": "3gpp mp4 ogg quicktime webm",
    }.items()
    for each in names.split()
)
_ACTIVE = frozenset(
    "text/html text/css text/javascript application/java-archive application/manifest+json application/wasm".split()
)
_OFTEN_SENT = frozenset({JSON, URLENCODED})


def is_active(media_type: str) -> bool:
    """Return whether a browser would run a file of this type, or build a page of it: scripts, styles, markup."""
    essence = essence_of(media_type)
    return essence in _ACTIVE or essence.endswith("xml")


def is_json(essence: str) -> bool:
    """Return whether a media type, as `essence_of` returns it, is JSON."""
    return essence == JSON or (essence.startswith("application/") and essence.endswith("+json"))


def essence_of(content_type: str) -> str:
    """Return the media type of a `content-type`, in lower case and without parameters."""
    if content_type in _OFTEN_SENT:  # PERF: benchmarks/binding.py: a body needs it several times
        return content_type
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str:
    """Return the charset of a `content-type`, in lower case; "" without one."""
    if content_type in _OFTEN_SENT:  # PERF: benchmarks/forms.py: they have no parameters
        return ""
    return content_type.lower().partition("charset=")[2].partition(";")[0].strip('" ')


def media_type_by_name(name: str) -> str:
    """Return the media type for the extension of a file name, OCTET_STREAM for an unknown one."""
    _, dot, extension = name.rpartition(".")
    return BY_EXTENSION.get(extension.lower(), OCTET_STREAM) if dot else OCTET_STREAM
