"""Pictures of products become numbers: files in, rows of `Look` out. The files themselves are not kept."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from catalog.imports import product_ids
from recommender.algorithms.interactions import IntArray, SingleArray
from recommender.algorithms.visual import Pixels, seen
from recommender.models import Look

SIDE = 64
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif")
MOST_PIXELS = 50_000_000
PAGE = 200


class NoPicture(ValueError):
    """The file cannot be read as a picture; the message says why."""


@dataclass
class Taken:
    """What became of the files. `refused` : why, by the file's name."""

    read: int = 0
    unchanged: int = 0
    unknown: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def by_sku(folder: Path) -> dict[str, Path]:
    """The folder's pictures by their names without the ending, which are SKUs; subfolders too.

    Raises ValueError where two files are of one SKU.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in ENDINGS:
            if path.stem in found:
                raise ValueError(f"{path.name} and {found[path.stem].name} are both of {path.stem}")
            found[path.stem] = path
    return found


def take_in(
    files: Mapping[str, Path], *, progress: Callable[[float, str], None] = lambda share, step: None
) -> Taken:
    """One picture a SKU. Whole pages of 200 are written at once; a file that is as it was is left alone."""
    taken = Taken()
    waiting = list(files.items())
    for start in range(0, len(waiting), PAGE):
        progress(start / len(waiting), "reading pictures")
        page = waiting[start : start + PAGE]
        ids = product_ids([sku for sku, _path in page])
        known = dict(Look.objects.filter(product__in=ids.values()).values_list("product", "sha256"))
        rows, pixels = [], []
        for sku, path in page:
            if sku not in ids:
                taken.unknown.append(path.name)
                continue
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            if known.get(ids[sku]) == sha256:
                taken.unchanged += 1
                continue
            try:
                pixels.append(opened(path))
            except NoPicture as reason:
                taken.refused[path.name] = str(reason)
                continue
            rows.append(Look(product_id=ids[sku], sha256=sha256))
        if rows:
            for row, what in zip(rows, seen(np.stack(pixels)), strict=True):
                row.seen = what.astype(np.float16).tobytes()
            Look.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["product"], update_fields=["seen", "sha256", "at"]
            )
            taken.read += len(rows)
    return taken


def opened(path: Path) -> Pixels:
    """(64, 64, 3) uint8: the picture upright, whole, on white. Raises NoPicture."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - only who reads pictures pays for it

    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NoPicture(
                    f"{picture.width} × {picture.height} pixels; at most {MOST_PIXELS:,} are opened"
                )
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise NoPicture(f"no picture in {', '.join(FORMATS)}, or torn") from error
    white = Image.new("RGBA", upright.size, "white")
    white.alpha_composite(upright)
    fitted = ImageOps.pad(white.convert("RGB"), (SIDE, SIDE), Image.Resampling.BILINEAR, color="white")
    return np.asarray(fitted)


def looks() -> tuple[IntArray, SingleArray]:
    """(n,) products and (n, d) what is seen of their pictures, as `Visual.see` takes them."""
    rows: list[tuple[int, Any]] = list(Look.objects.order_by("product").values_list("product", "seen"))
    ids = np.fromiter((pk for pk, _seen in rows), dtype=np.int64, count=len(rows))
    if not rows:
        return ids, np.zeros((0, 0), np.float32)
    return ids, np.stack([np.frombuffer(what, dtype=np.float16) for _pk, what in rows]).astype(np.float32)
