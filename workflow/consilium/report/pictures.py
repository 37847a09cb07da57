"""Pictures inside a page: small enough that the page stays readable on a phone."""

from __future__ import annotations

import base64
import io
from pathlib import Path

MOST_BYTES = 250_000
WIDTHS = (1100, 820, 600, 420)


def data_uri(path: Path, most: int = MOST_BYTES) -> str:
    """The picture as a data URI; one larger than `most` bytes becomes a JPEG, as wide as `most` allows."""
    content = path.read_bytes()
    if len(content) <= most:
        return f"data:image/{path.suffix[1:]};base64,{base64.b64encode(content).decode()}"
    from PIL import Image

    small = b""
    with Image.open(io.BytesIO(content)) as picture:
        colours = picture.convert("RGB")
        for width in WIDTHS:
            small = _jpeg(colours, min(width, colours.width))
            if len(small) <= most:
                break
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"


def _jpeg(picture: object, width: int) -> bytes:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    height = max(1, round(picture.height * width / picture.width))
    out = io.BytesIO()
    picture.resize((width, height), Image.Resampling.LANCZOS).save(out, format="JPEG", quality=82, optimize=True)
    return out.getvalue()
