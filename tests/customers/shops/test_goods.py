"""Products of connected shops in the catalogue: the newest that was told holds, and each change is one line of history."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from catalog.imports import ProductInput, learn_products, save_products
from catalog.models import Product, ProductChange
from customers.models import ShopConnection, ShopDelivery, ShopProduct
from tests.conftest import NOW
from tests.customers.shops.conftest import taken
from tests.customers.shops.payloads import shopify_product, woo_product

pytestmark = pytest.mark.django_db
LATER = "2026-11-21T10:00:00+01:00"


def history(sku: str) -> list[tuple[Decimal | None, bool]]:
    rows = ProductChange.objects.filter(product__sku=sku).order_by("pk")
    return list(rows.values_list("price", "in_stock"))


def with_small(**changed: Any) -> dict[str, Any]:
    product = shopify_product(updated_at=LATER)
    return {**product, "variants": [{**product["variants"][0], **changed}, product["variants"][1]]}


def is_shown(sku: str) -> bool:
    return Product.objects.get(sku=sku).is_listed


def test_each_variant_is_a_product(garden: ShopConnection) -> None:
    taken(garden, "products/create", shopify_product())
    small, large = Product.objects.get(sku="LAV-S"), Product.objects.get(sku="8002")
    assert (small.title, small.price, small.currency, small.in_stock) == ("Lavender – Small", Decimal("6.50"), "EUR", True)  # fmt: skip
    assert (large.title, large.price, large.in_stock) == ("Lavender – Large", Decimal("14.00"), False)
    assert (small.category.name, small.brand) == ("Herbs", "Nursery Weber")
    assert small.url == "https://garden.myshopify.com/products/lavender?variant=8001"
    assert (small.image_url, large.image_url) == ("https://pictures.example/small.jpg", "https://pictures.example/large.jpg")  # fmt: skip
    assert small.attributes == {"tags": ["bees", "full sun"], "compare_at_price": "8.00"}
    assert small.is_listed
    assert not small.is_learnt


def test_a_product_of_one_variant_has_the_product_s_name(garden: ShopConnection) -> None:
    product = shopify_product()
    only = {**product["variants"][0], "title": "Default Title"}
    taken(garden, "products/create", {**product, "variants": [only]})
    assert Product.objects.get().title == "Lavender"


@pytest.mark.parametrize(
    ("changed", "in_stock"),
    [
        ({"inventory_quantity": 0}, False),
        ({"inventory_quantity": -3}, False),
        ({"inventory_quantity": 0, "inventory_policy": "continue"}, True),
        ({"inventory_quantity": 0, "inventory_management": None}, True),
        ({"inventory_quantity": None}, True),
    ],
)
def test_what_is_not_counted_or_sold_beyond_the_stock_can_be_had(
    garden: ShopConnection, changed: dict[str, Any], in_stock: bool
) -> None:
    taken(garden, "products/create", with_small(**changed))
    assert Product.objects.get(sku="LAV-S").in_stock is in_stock


@pytest.mark.parametrize("changed", [{"status": "draft"}, {"status": "archived"}, {"published_at": None}])
def test_what_the_shop_does_not_show_is_not_shown(garden: ShopConnection, changed: dict[str, Any]) -> None:
    taken(garden, "products/create", shopify_product(**changed))
    assert not is_shown("LAV-S")
    taken(garden, "products/update", shopify_product(updated_at=LATER))
    assert is_shown("LAV-S")


def test_each_change_of_price_or_stock_is_one_line_of_history_and_no_change_is_none(
    garden: ShopConnection,
) -> None:
    taken(garden, "products/create", shopify_product())
    taken(garden, "products/update", shopify_product(title="Lavandula"))
    taken(garden, "products/update", with_small(price="5.50"))
    taken(garden, "products/update", with_small(price="5.50", inventory_quantity=0))
    taken(garden, "products/update", with_small(price="5.50", inventory_quantity=0))
    assert history("LAV-S") == [
        (Decimal("6.50"), True),
        (Decimal("5.50"), True),
        (Decimal("5.50"), False),
    ]
    assert history("8002") == [(Decimal("14.00"), False)]


def test_an_older_message_that_comes_late_changes_nothing(garden: ShopConnection) -> None:
    taken(garden, "products/update", with_small(price="5.50"))
    taken(garden, "products/create", shopify_product())
    assert history("LAV-S") == [(Decimal("5.50"), True)]


def test_a_variant_that_is_told_no_more_is_not_shown(garden: ShopConnection) -> None:
    product = shopify_product()
    taken(garden, "products/create", product)
    taken(garden, "products/update", {**product, "variants": product["variants"][1:], "updated_at": LATER})
    assert (is_shown("LAV-S"), is_shown("8002")) == (False, True)
    taken(garden, "products/create", product)
    assert (is_shown("LAV-S"), is_shown("8002")) == (False, True)


def test_a_product_told_without_its_variants_loses_none(garden: ShopConnection) -> None:
    taken(garden, "products/create", shopify_product())
    taken(garden, "products/update", shopify_product(variants=[], updated_at=LATER))
    assert is_shown("LAV-S")


def test_a_deleted_product_is_not_shown_and_its_late_messages_do_not_bring_it_back(
    garden: ShopConnection,
) -> None:
    taken(garden, "products/create", shopify_product())
    taken(garden, "products/delete", {"id": 7001})
    taken(garden, "products/update", shopify_product(updated_at=LATER))
    assert (is_shown("LAV-S"), is_shown("8002")) == (False, False)


def test_a_variant_whose_sku_is_changed_is_another_product_and_the_former_is_not_shown(
    garden: ShopConnection,
) -> None:
    taken(garden, "products/create", shopify_product())
    taken(garden, "products/update", with_small(sku="LAV-SMALL"))
    assert (is_shown("LAV-S"), is_shown("LAV-SMALL")) == (False, True)
    assert ShopProduct.objects.get(variant="8001").product.sku == "LAV-SMALL"


def test_two_variants_of_one_sku_are_one_product_that_stays_while_one_of_them_does(
    garden: ShopConnection,
) -> None:
    product = shopify_product()
    both = [{**one, "sku": "LAV"} for one in product["variants"]]
    taken(garden, "products/create", {**product, "variants": both})
    taken(garden, "products/update", {**product, "variants": both[:1], "updated_at": LATER})
    assert is_shown("LAV")


def test_a_shop_describes_what_events_only_learnt_and_keeps_what_other_doors_told(
    garden: ShopConnection,
) -> None:
    learn_products([ProductInput(sku="LAV-S", title="lav", price=Decimal(1))], at=NOW, listed=True)
    save_products([ProductInput(sku="8002", title="Large", attributes={"margin": "0.4"})], at=NOW)
    taken(garden, "products/create", shopify_product())
    small, large = Product.objects.get(sku="LAV-S"), Product.objects.get(sku="8002")
    assert (small.title, small.is_learnt) == ("Lavender – Small", False)
    assert large.attributes["margin"] == "0.4"
    learn_products([ProductInput(sku="LAV-S", title="lav", price=Decimal(1))], at=NOW, listed=True)
    small.refresh_from_db()
    assert small.price == Decimal("6.50")


def test_variants_without_numbers_are_counted(garden: ShopConnection) -> None:
    taken(garden, "products/create", shopify_product(variants=[{"sku": "X"}]))
    taken(garden, "products/create", shopify_product(id=None))
    found = [row.problems for row in ShopDelivery.objects.order_by("pk")]
    assert found == [["variant_without_number"], ["product_without_number"]]
    assert not Product.objects.exists()


# --- WooCommerce -----------------------------------------------------------------------------------------------------


def test_a_simple_product_is_a_product(beet: ShopConnection) -> None:
    taken(beet, "product.created", woo_product())
    can = Product.objects.get()
    assert (can.sku, can.title, can.price, can.currency) == ("CAN-5", "Watering can", Decimal("18.00"), "EUR")
    assert (can.category.name, can.in_stock, can.is_listed) == ("Tools", True, True)
    assert can.attributes == {"tags": ["zinc"], "compare_at_price": "24.00"}


@pytest.mark.parametrize(
    ("changed", "in_stock", "shown"),
    [
        ({"stock_status": "outofstock"}, False, True),
        ({"stock_status": "onbackorder"}, True, True),
        ({"status": "draft"}, True, False),
        ({"catalog_visibility": "hidden"}, True, False),
        ({"catalog_visibility": "catalog"}, True, True),
    ],
)
def test_stock_and_visibility_are_the_shop_s(
    beet: ShopConnection, changed: dict[str, Any], in_stock: bool, shown: bool
) -> None:
    taken(beet, "product.created", woo_product(**changed))
    can = Product.objects.get()
    assert (can.in_stock, can.is_listed) == (in_stock, shown)


def variation(number: int, size: str, **changed: Any) -> dict[str, Any]:
    own = {
        "type": "variation",
        "parent_id": 40,
        "id": number,
        "name": f"Gloves – {size}",
        "sku": f"GL-{size}",
    }
    return woo_product(**{**own, "price": "12.00", "on_sale": False, "categories": [], **changed})


def test_what_can_be_bought_is_the_variation_and_the_group_tells_what_is_true_of_all(
    beet: ShopConnection,
) -> None:
    group = woo_product(id=40, name="Gloves", type="variable", sku="", price="12.00")
    taken(beet, "product.updated", variation(41, "M"))
    taken(beet, "product.updated", variation(42, "L", stock_status="outofstock"))
    taken(beet, "product.updated", group)
    assert set(Product.objects.values_list("sku", "category__name", "in_stock", "is_listed")) == {
        ("GL-M", "Tools", True, True),
        ("GL-L", "Tools", False, True),
    }
    taken(beet, "product.updated", {**group, "status": "draft"})
    assert not Product.objects.filter(is_listed=True).exists()
    taken(beet, "product.updated", group)
    assert Product.objects.filter(is_listed=True).count() == 2
    taken(beet, "product.deleted", {"id": 42})
    assert (is_shown("GL-M"), is_shown("GL-L")) == (True, False)
    taken(beet, "product.deleted", {"id": 40})
    assert not is_shown("GL-M")


def test_what_comes_back_from_the_bin_is_shown_though_its_date_is_old(beet: ShopConnection) -> None:
    taken(beet, "product.created", woo_product())
    taken(beet, "product.deleted", {"id": 31})
    taken(beet, "product.updated", woo_product())
    assert not is_shown("CAN-5")
    taken(beet, "product.restored", woo_product())
    assert is_shown("CAN-5")
    newer = (NOW + timedelta(minutes=1)).isoformat()
    taken(beet, "product.updated", woo_product(date_modified_gmt=newer, price="17.00"))
    assert history("CAN-5") == [(Decimal("18.00"), True), (Decimal("17.00"), True)]
