"""A view that wants an image: `Annotated[Upload, Image()]`. What is none is refused before the view runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import msgspec
import pytest
from msgspec import Meta
from tests.message.test_image_facts import SVG, gif
from tests.pictures import make, samples

from fanlight import App, AppError, FormErrors, HeaderName, Image, Request, Upload
from fanlight.binding.describe import annotation_text
from fanlight.binding.image_kinds import image_meta
from fanlight.errors import Mistake
from fanlight.message.image_facts import FORMATS
from fanlight.testing import Client

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
Picture = Annotated[Upload, Image()]
ANY = "is no PNG, JPEG, GIF, WebP or AVIF image"


def facts(upload: Upload) -> dict[str, object]:
    image = upload.image
    assert upload.file.tell() == 0
    return {"is": [image.format, image.width, image.height], "type": upload.media_type, "name": upload.safe_name}


def save(picture: Annotated[Upload, Image()], title: str = "") -> Any:
    return facts(picture)


def save_optional(picture: Annotated[Upload | None, Image("png", "gif")] = None) -> Any:
    return picture and facts(picture)


def save_or_none(picture: Annotated[Upload, Image("png", "gif")] | None) -> Any:
    return picture and facts(picture)


def save_all(pictures: Annotated[list[Picture], Meta(max_length=2)]) -> Any:
    return [facts(each) for each in pictures]


async def save_async(picture: Picture) -> Any:
    return facts(picture)


def save_small(picture: Annotated[Upload, Image(max_pixels=2000)]) -> Any:
    return facts(picture)


def save_unchecked(picture: Upload) -> Any:
    return facts(picture)


@dataclass
class Album:
    title: str
    cover: Annotated[Upload, Image("jpeg")]
    pages: list[Picture] = field(default_factory=list)
    back: Picture | None = None


class AlbumStruct(msgspec.Struct):
    title: str
    cover: Annotated[Upload, Image("jpeg")]
    pages: list[Picture] = []
    back: Annotated[Upload | None, Image()] = None


class AlbumDict(TypedDict):
    title: str
    cover: Annotated[Upload, Image("jpeg")]


def redisplay(request: Request, errors: FormErrors, title: str, picture: Picture) -> str:
    return f"{title} {errors['picture']}" if errors or request.method == "GET" else f"{title} {picture.image.format}"


def save_album(album: Album) -> Any:
    return [album.cover.image.format, len(album.pages), album.back and album.back.image.format]


def save_album_struct(album: AlbumStruct) -> Any:
    return [album.cover.image.format, len(album.pages), album.back and album.back.image.format]


def save_album_dict(album: AlbumDict) -> Any:
    return [album["cover"].image.format]


URLS = {
    "POST /one": save,
    "POST /optional": save_optional,
    "POST /or-none": save_or_none,
    "POST /all": save_all,
    "POST /async": save_async,
    "POST /small": save_small,
    "POST /unchecked": save_unchecked,
    "POST /album": save_album,
    "POST /album-struct": save_album_struct,
    "POST /album-dict": save_album_dict,
    "GET|POST /form": redisplay,
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(App(URLS)) as client:
        yield client


def post(client: Client, path: str, **sent: Any) -> Any:
    return client.post(path, headers={"accept": "application/json"}, **sent)


def bad(response: Any) -> list[tuple[str, str]]:
    assert response.status == 422, response.text
    assert all(each["in"] == "form" for each in response.json()["errors"])
    return [(each["name"], each["detail"]) for each in response.json()["errors"]]


@pytest.mark.parametrize("name", list(samples()))
@pytest.mark.parametrize("path", ["/one", "/async", "/unchecked"])
def test_an_image_reaches_the_view(client: Client, path: str, name: str) -> None:
    """With its format and size; its type and extension are those of the content."""
    kind = name.split(maxsplit=1)[0]
    response = post(client, path, files={"picture": (f"a.{kind}", samples()[name])})
    assert response.json() == {"is": [kind, 50, 40], "type": FORMATS[kind].media_type, "name": f"a.{kind}"}


@pytest.mark.parametrize("path", ["/one", "/async"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SVG, id="svg"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="html"),
        pytest.param(b"%PDF-1.7", id="pdf"),
        pytest.param(samples()["png"][:20], id="half a png"),
        pytest.param(bytes(300_000), id="many zeros"),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.html"])
def test_what_is_no_image_is_refused(client: Client, path: str, content: bytes, name: str) -> None:
    """Whatever it is called: the field is bad, with a message for the person, and the view does not run."""
    assert bad(post(client, path, files={"picture": (name, content)})) == [("picture", ANY)]


def test_the_content_decides_and_not_the_name(client: Client) -> None:
    """An image with the name of a page is accepted, but it is no page any more; an honest misnomer is corrected."""
    for sent, name in (
        ("evil.html", "evil.gif"),
        ("evil.svg", "evil.gif"),
        ("photo.PNG", "photo.gif"),
        ("photo", "photo.gif"),
        ("a.php.html", "a.php.gif"),
        ("", "file.gif"),
        ("photo.GIF", "photo.GIF"),
    ):
        response = post(client, "/one", files={"picture": (sent, samples()["gif"], "text/html")})
        assert response.json() == {"is": ["gif", 50, 40], "type": "image/gif", "name": name}


def test_the_extension_of_a_jpeg_is_kept(client: Client) -> None:
    """A format has several extensions, and the client's is as good as ours."""
    response = post(client, "/one", files={"picture": ("a.jpeg", samples()["jpeg"])})
    assert response.json()["name"] == "a.jpeg"


@pytest.mark.parametrize("path", ["/optional", "/or-none"])
def test_only_the_given_formats_are_accepted(client: Client, path: str) -> None:
    """The message says what the file is, and what it must be; a field that is left blank is None."""
    assert post(client, path, files={"picture": ("a.png", samples()["png"])}).json()["is"] == ["png", 50, 40]
    assert bad(post(client, path, files={"picture": ("a.png", samples()["webp"])})) == [
        ("picture", "is a WebP image, and must be PNG or GIF")
    ]
    assert bad(post(client, path, files={"picture": ("a.png", b"x")})) == [("picture", "is no PNG or GIF image")]
    assert post(client, path, files={"picture": ("", b"")}).status == 204
    assert post(client, path, form={}).status == 204


def test_each_file_of_a_list_is_checked(client: Client) -> None:
    """One that is no image refuses the form; the constraints of the list hold as well."""
    good, wrong = ("a.png", samples()["png"]), ("b.png", SVG)
    pictures = post(client, "/all", files=[("pictures", good), ("pictures", good)]).json()
    assert [each["is"] for each in pictures] == [["png", 50, 40]] * 2
    assert bad(post(client, "/all", files=[("pictures", good), ("pictures", wrong)])) == [("pictures", ANY)]
    assert bad(post(client, "/all", files=[("pictures", good)] * 3)) == [("pictures", "must have at most 2 items")]


def test_an_empty_file_is_refused(client: Client) -> None:
    """A file with a name and nothing in it was chosen by the person, and is no image."""
    assert bad(post(client, "/one", files={"picture": ("a.png", b"")})) == [("picture", "is empty")]


# SECURITY: a decompression bomb
def test_a_picture_of_too_many_pixels_is_refused(client: Client) -> None:
    """Few bytes can be many pixels, also in a frame that exceeds its picture; the default limit is 64 million."""
    assert post(client, "/small", files={"picture": ("a.png", make("png", (50, 40)))}).status == 200
    assert bad(post(client, "/small", files={"picture": ("a.png", make("png", (50, 41)))})) == [
        ("picture", "is 50 by 41 pixels; at most 2,000 pixels are accepted")
    ]
    bomb = gif(1, 1, (0, 0, 8001, 8000))
    assert bad(post(client, "/one", files={"picture": ("a.gif", bomb)})) == [
        ("picture", "is 8,001 by 8,000 pixels; at most 64,000,000 pixels are accepted")
    ]


@pytest.mark.parametrize("path", ["/album", "/album-struct", "/album-dict"])
def test_a_field_of_a_form_class_is_checked(client: Client, path: str) -> None:
    """Of a dataclass, a Struct and a TypedDict: alone, in a list, optional."""
    cover, good, wrong = ("c.jpg", samples()["jpeg"]), ("a.png", samples()["png"]), ("b.png", b"x")
    files = [("cover", cover), ("pages", good), ("pages", good), ("back", good)]
    assert post(client, path, form={"title": "Sea"}, files=files).json() in (["jpeg", 2, "png"], ["jpeg"])
    files = [("cover", good), ("pages", good), ("pages", wrong), ("back", wrong)]
    expected = [("cover", "is a PNG image, and must be JPEG"), ("pages", ANY), ("back", ANY)]
    assert bad(post(client, path, form={"title": "Sea"}, files=files)) == expected[: 1 if path == "/album-dict" else 3]


def test_a_form_shows_the_error_beside_its_field(client: Client) -> None:
    """A view that takes the errors of its form runs, with the message and what was typed."""
    response = post(client, "/form", form={"title": "Sea"}, files={"picture": ("a.png", SVG)})
    assert (response.status, response.text) == (422, f"Sea {ANY}")
    response = post(client, "/form", form={"title": "Sea"}, files={"picture": ("a.png", samples()["avif"])})
    assert (response.status, response.text) == (200, "Sea avif")


def test_a_view_without_the_check_gets_any_file(client: Client) -> None:
    """Where it asks for the facts of what is no image, the response is 422, too."""
    assert bad(post(client, "/unchecked", files={"picture": ("a.png", SVG)})) == [("picture", "is no image")]


def test_a_large_image_is_checked_on_the_disk(client: Client, tmp_path: Path) -> None:
    """A file that is not in memory is read no further than needed, and is at its start for the view."""
    content = make("jpeg", (640, 480), exif=b"Exif\0\0" + b"x" * 60_000) + bytes(2_000_000)
    assert post(client, "/one", files={"picture": ("a.jpg", content)}).json()["is"] == ["jpeg", 640, 480]


def test_formats_that_do_not_exist_are_refused() -> None:
    """With what was meant; SVG and PDF are documents."""
    for wrong, hint in (
        ("jpg", 'did you mean "jpeg"?'),
        ("pgn", 'did you mean "png"?'),
        ("svg", "a document, which can run scripts"),
        ("tiff", "there are png, jpeg, gif, webp, avif"),
        (".png", 'did you mean "png"?'),
        (5, 'write Image("png", "jpeg")'),
    ):
        with pytest.raises(AppError, match="has no format") as caught:
            Image(wrong)  # type: ignore[arg-type]
        assert hint in str(caught.value)
    for pixels in (0, -1, True, None, "1", 1e6):
        with pytest.raises(AppError, match="max_pixels"):
            Image(max_pixels=pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotated[str, Image()], "Image() checks an uploaded file"),
        (Annotated[list[Upload], Image()], "Image() checks an uploaded file"),
        (Annotated[list[Annotated[int, Image()]], Meta(max_length=1)], "Image() checks an uploaded file"),
        (Annotated[Upload, Image(), Image("png")], "two checks Image()"),
        (Annotated[Picture, Image("png")], "two checks Image()"),
        (Annotated[Upload, Image], "Image is a class"),
        (Annotated[str, HeaderName("x"), Image()], "Image() checks an uploaded file"),
        (Annotated[Request, Image()], "can't be enforced"),
    ],
)
def test_a_check_without_effect_is_refused(mistakes: Find, annotation: Any, message: str) -> None:
    """At something else than a file, or twice: before the port opens."""

    def view(picture: Any) -> str:
        return ""

    view.__annotations__["picture"] = annotation
    (mistake,) = mistakes({"POST /": view})
    assert message in mistake.message
    assert mistake.hint


def test_a_check_in_a_class_of_json_is_refused(mistakes: Find) -> None:
    """A field of text can't be an image."""

    @dataclass
    class Wrong:
        picture: Annotated[str, Image()]

    def view(wrong: Wrong) -> str:
        return ""

    view.__annotations__["wrong"] = Wrong
    (mistake,) = mistakes({"POST /": view})
    assert "Image() checks an uploaded file" in mistake.message


def test_a_check_says_what_it_accepts() -> None:
    """Its repr is how it is written."""
    assert repr(Image()) == "Image()"
    assert repr(Image("png", "png")) == "Image('png')"
    assert repr(Image("png", "gif", max_pixels=4_000_000)) == "Image('png', 'gif', max_pixels=4_000_000)"
    assert Image("png", "gif").description == "a PNG or GIF image of at most 64,000,000 pixels"
    assert Image("png", "jpeg").media_types == ("image/png", "image/jpeg")


def test_an_annotation_is_shown_as_it_is_written() -> None:
    """In the list of routes, and in messages."""
    carried = Annotated[Upload | None, image_meta(Image("png", max_pixels=9))]
    assert annotation_text(list[carried]) == "list[Annotated[Upload | None, Image('png', max_pixels=9)]]"
