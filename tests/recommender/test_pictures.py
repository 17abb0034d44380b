"""Pictures of products are read from a folder, and what looks alike is shown where nobody has bought anything yet."""

from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from catalog.imports import ProductInput, save_products
from catalog.models import Product
from recommender import pictures, serving
from recommender.models import Look, ModelVersion
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import shop, trained

__all__ = ["shop"]

pytestmark = pytest.mark.django_db
UPRIGHT, LEVEL = ("cup", "mug", "jug"), ("rug", "mat")


@pytest.fixture
def folder(tmp_path, settings) -> Path:
    """Three things with upright stripes and two with level ones, in several formats and a subfolder."""
    settings.MODEL_DIR = tmp_path / "models"
    save_products([ProductInput(sku=sku, title=sku.title()) for sku in (*UPRIGHT, *LEVEL, "bare")], at=NOW)
    where: Path = tmp_path / "pictures"
    (where / "floor").mkdir(parents=True)
    for place, sku in enumerate((*UPRIGHT, *LEVEL)):
        stripes = np.tile(np.arange(96) // (6 + place % 3) % 2 * 255, (96, 1)).astype(np.uint8)
        picture = Image.fromarray(stripes if sku in UPRIGHT else stripes.T)
        picture.save(where / ("floor" if sku in LEVEL else "") / f"{sku}.{('jpg', 'png', 'webp')[place % 3]}")
    return where


def said(capsys) -> str:
    return " ".join("".join(capsys.readouterr()).split())


def test_what_looks_alike_is_shown_beside_what_nobody_has_bought(folder, capsys) -> None:
    call_command("see_pictures", folder)
    told = said(capsys)
    assert "5 pictures read, 0 as they were." in told
    assert "looks: 5 products with a picture compared." in told
    ids = dict(Look.objects.values_list("product__sku", "product"))
    found = serving.similar(ids["cup"], at=NOW, limit=5).items
    assert {item.sku for item in found[:2]} == {"mug", "jug"}
    assert found[0].reason.text == "Looks like Cup"
    assert {item.sku for item in found} == {"mug", "jug", "rug", "mat", "bare"}
    # The last place goes to what has no picture: it is new, and nothing else is said of it.
    assert {item.sku: item.reason.type for item in found}["bare"] == "new"


def test_what_is_only_popular_does_not_go_with_it(shop, tmp_path) -> None:
    trained(algorithms=["hybrid_svd"])
    save_products(
        [ProductInput(sku=sku, title=sku.title(), in_stock=True) for sku in ("new1", "new2")], at=NOW
    )
    for sku in ("new1", "new2"):
        Image.linear_gradient("L").save(tmp_path / f"{sku}.png")
    Image.radial_gradient("L").save(tmp_path / "garden1.png")
    call_command("see_pictures", tmp_path)
    ids = dict(Product.objects.values_list("sku", "pk"))
    nobody_has_it = serving.similar(ids["new1"], at=NOW, limit=5).items
    assert [item.sku for item in nobody_has_it if item.reason.type == "looks_like"] == ["new2"]
    assert nobody_has_it[0].sku == "new2"
    assert {item.reason.type for item in nobody_has_it[1:]} <= {"popular", "new"}


def test_only_what_changed_is_read_again(folder, capsys) -> None:
    call_command("see_pictures", folder)
    model = ModelVersion.objects.get(task="looks", state="live")
    call_command("see_pictures", folder)
    assert "0 pictures read, 5 as they were." in said(capsys)
    assert ModelVersion.objects.get(task="looks", state="live") == model
    Image.new("RGB", (40, 90), "red").save(folder / "mug.png")
    call_command("see_pictures", folder)
    assert "1 pictures read, 4 as they were." in said(capsys)
    assert ModelVersion.objects.get(task="looks", state="live") != model


def test_a_torn_file_is_named_and_the_others_are_read(folder, capsys, monkeypatch) -> None:
    (folder / "jug.webp").write_bytes((folder / "jug.webp").read_bytes()[:60])
    (folder / "stranger.png").write_bytes((folder / "mug.png").read_bytes())
    Image.new("L", (300, 300)).save(folder / "bare.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 80_000)
    call_command("see_pictures", folder)
    told = said(capsys)
    assert "4 pictures read" in told
    assert "1 are of no known SKU: stranger.png." in told
    assert "jug.webp: no picture in JPEG, PNG, WEBP, GIF, or torn" in told
    assert "bare.png: 300 × 300 pixels; at most 80,000 are opened" in told
    assert set(Look.objects.values_list("product__sku", flat=True)) == {"cup", "mug", "rug", "mat"}


def test_two_pictures_of_one_product_and_an_empty_folder_are_refused(folder, tmp_path) -> None:
    Image.new("L", (20, 20)).save(folder / "floor" / "cup.gif")
    with pytest.raises(CommandError, match=r"Nothing was read: cup.gif and cup.jpg are both of cup"):
        call_command("see_pictures", folder)
    assert not Look.objects.exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="No picture"):
        call_command("see_pictures", tmp_path / "empty")


def test_a_turned_and_a_transparent_picture_are_seen_upright_and_on_white(tmp_path) -> None:
    wide = Image.new("RGB", (80, 40), "white")
    wide.paste("black", (0, 0, 40, 40))
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter to the right: black on top
    wide.save(tmp_path / "a.png", exif=turned)
    seen = pictures.opened(tmp_path / "a.png").astype(int)
    assert seen[:20, 24:40].max() < 100
    assert seen[44:].min() > 200
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "b.png")
    assert pictures.opened(tmp_path / "b.png").min() == 255
