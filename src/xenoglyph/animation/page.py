"""An animation as one HTML page with a slider: everything inside the file, no network asked."""

import base64
import hashlib
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from PIL import Image

__all__ = ["page_of"]

TEMPLATES = Path(__file__).parent / "templates"


def page_of(pictures: Sequence[Image.Image], titles: Sequence[str], milliseconds: int) -> str:
    """Return the page.

    Its Content-Security-Policy lets only the one style and the one script in that are written
    here, named by their hashes. Without scripts, the last picture is shown.

    Parameters
    ----------
    pictures : sequence of Image
    titles : sequence of str
        What is told of each picture.
    milliseconds : int
        For which a picture is shown.

    Returns
    -------
    str
        HTML.
    """
    style, script = ((TEMPLATES / f"fit.{kind}").read_text("utf-8") for kind in ("css", "js"))
    size = f'width="{pictures[0].width}" height="{pictures[0].height}"'
    images = [
        f'<img src="{_data_uri(picture)}" alt="{escape(title)}" {size} hidden>'
        for picture, title in zip(pictures, titles, strict=True)
    ]
    images[-1] = images[-1].replace(" hidden>", ">")
    return Template((TEMPLATES / "fit.html").read_text("utf-8")).substitute(
        title=escape(titles[-1]),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        images="\n".join(images),
        last=len(images) - 1,
        milliseconds=milliseconds,
    )


def _data_uri(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _hash(content: str) -> str:
    """Name an inline style or script in a Content-Security-Policy."""
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
