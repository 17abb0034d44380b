"""Pictures of clothing: are the five that look most alike of the same class?

    python -m benchmarks.pictures [FOLDER]

The pictures of the split "test" ask, those of "train" answer.
"""

import argparse
import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.report import save, timed
from config.processes import BASE_DIR
from recommender.algorithms.metrics import bootstrap
from recommender.algorithms.visual import looks, nearest, seen

FOLDER = BASE_DIR.parent / "shared/data/images"
SIDE, NEAREST = 64, 5
COLOURS = (0.0, 0.1, 0.2, 0.3, 1.0)


def read(folder: Path) -> tuple[Any, Any, Any]:
    """Pixels (n, 64, 64, 3), classes and splits."""
    with (folder / "clothing.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    with tarfile.open(folder / "clothing.tar") as archive:
        pixels = [
            np.asarray(
                Image.open(io.BytesIO(archive.extractfile(row["file"]).read()))
                .convert("RGB")
                .resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            )
            for row in rows
        ]
    return (
        np.stack(pixels),
        np.array([row["label"] for row in rows]),
        np.array([row["split"] for row in rows]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, help="where clothing.tar and clothing.csv are"
    )
    asked = parser.parse_args()
    if not (asked.folder / "clothing.tar").exists():
        print(f"pictures: needs clothing.tar in {asked.folder}; nothing is measured.")
        return
    pixels, classes, split = read(asked.folder)
    held: list[Any] = []
    _wall, cpu = timed(lambda: held.append(seen(pixels)))
    what, train = held[0], split == "train"
    usual = what[train].mean(axis=0)
    found: dict[str, Any] = {"cpu_ms_a_picture": round(cpu / len(pixels) * 1000, 2)}
    print(
        f"pictures: {len(pixels):,}, {found['cpu_ms_a_picture']} ms of CPU each; share of the {NEAREST} nearest of the same class"
    )
    for part in ("validation", "test"):
        these = split == part
        chance = np.array([(classes[train] == one).mean() for one in classes[these]])
        print(f"  {part}: {these.sum()} ask {train.sum()}; by chance {chance.mean():.4f}")
        for colour in COLOURS:
            vectors = looks(what, usual, colour=colour)
            places, _cosines = nearest(vectors[these], NEAREST, among=vectors[train])
            agree = (classes[train][places] == classes[these][:, np.newaxis]).mean(axis=1)
            low, high = bootstrap(agree, rng=np.random.default_rng(0))
            found[f"{part}, colour {colour}"] = [
                round(float(x), 4) for x in (agree.mean(), low, high, chance.mean())
            ]
            print(f"    colour {colour}: {agree.mean():.4f} [{low:.4f}, {high:.4f}]")
    save("pictures", {"pictures": len(pixels)}, found)


if __name__ == "__main__":
    main()
