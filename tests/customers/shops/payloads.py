"""Deliveries in the shapes that Shopify and WooCommerce document; the values are our own."""

from typing import Any

LAVENDER, TUB = 4101, 4102
"""Two lines of the order, by Shopify's numbers."""


def shopify_product(**changed: Any) -> dict[str, Any]:
    """A lavender in two sizes; the large one has no SKU."""
    return {
        "id": 7001,
        "title": "Lavender",
        "body_html": "<p>Smells of summer.</p>",
        "vendor": "Nursery Weber",
        "product_type": "Herbs",
        "handle": "lavender",
        "status": "active",
        "published_at": "2026-03-01T09:00:00+01:00",
        "created_at": "2026-03-01T08:00:00+01:00",
        "updated_at": "2026-11-20T10:00:00+01:00",
        "tags": "bees, full sun",
        "variants": [
            {
                "id": 8001, "product_id": 7001, "title": "Small", "sku": "LAV-S", "price": "6.50",
                "compare_at_price": "8.00", "inventory_management": "shopify", "inventory_policy": "deny",
                "inventory_quantity": 12, "inventory_item_id": 9001, "image_id": None,
            },
            {
                "id": 8002, "product_id": 7001, "title": "Large", "sku": "", "price": "14.00", "compare_at_price": None,
                "inventory_management": "shopify", "inventory_policy": "deny", "inventory_quantity": 0,
                "inventory_item_id": 9002, "image_id": 602,
            },
        ],
        "images": [
            {"id": 601, "src": "https://pictures.example/small.jpg"},
            {"id": 602, "src": "https://pictures.example/large.jpg"},
        ],
        "image": {"id": 601, "src": "https://pictures.example/small.jpg"},
        **changed,
    }  # fmt: skip


def shopify_order(**changed: Any) -> dict[str, Any]:
    """Greta buys two lavenders, a euro off each, and a tub that is in no list."""
    return {
        "id": 5001,
        "name": "#1017",
        "test": False,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "created_at": "2026-11-20T18:30:00+01:00",
        "processed_at": "2026-11-20T18:29:58+01:00",
        "updated_at": "2026-11-20T18:30:01+01:00",
        "cancelled_at": None,
        "financial_status": "pending",
        "email": "greta@mail.example",
        "customer_locale": "de-DE",
        "customer": {
            "id": 3001, "email": "greta@mail.example", "first_name": "Greta", "last_name": "Holm", "phone": None,
            "default_address": {"country_code": "DE"},
            "email_marketing_consent": {"state": "not_subscribed", "consent_updated_at": None},
        },
        "discount_codes": [{"code": "GREEN", "amount": "2.00", "type": "fixed_amount"}],
        "line_items": [
            {
                "id": LAVENDER, "product_id": 7001, "variant_id": 8001, "sku": "LAV-S", "name": "Lavender - Small",
                "quantity": 2, "price": "6.50", "total_discount": "0.00",
                "price_set": {"shop_money": {"amount": "6.50", "currency_code": "EUR"}},
                "discount_allocations": [{"amount": "2.00", "discount_application_index": 0}],
            },
            {
                "id": TUB, "product_id": None, "variant_id": None, "sku": None, "name": "Old tub", "quantity": 1,
                "price": "20.00", "total_discount": "0.00", "discount_allocations": [],
            },
        ],
        "refunds": [],
        **changed,
    }  # fmt: skip


def shopify_refund(number: int = 61, **changed: Any) -> dict[str, Any]:
    """One lavender comes back."""
    return {
        "id": number,
        "order_id": 5001,
        "created_at": "2026-11-22T09:00:00+01:00",
        "processed_at": "2026-11-22T09:00:00+01:00",
        "refund_line_items": [
            {"id": number * 10, "line_item_id": LAVENDER, "quantity": 1, "subtotal": 5.5, "total_tax": 0.36}
        ],
        "transactions": [{"kind": "refund", "amount": "5.50"}],
        **changed,
    }


def woo_product(**changed: Any) -> dict[str, Any]:
    return {
        "id": 31,
        "name": "Watering can",
        "type": "simple",
        "status": "publish",
        "catalog_visibility": "visible",
        "permalink": "https://www.beet.example/product/watering-can/",
        "sku": "CAN-5",
        "price": "18.00",
        "regular_price": "24.00",
        "sale_price": "18.00",
        "on_sale": True,
        "stock_status": "instock",
        "stock_quantity": 4,
        "manage_stock": True,
        "date_modified_gmt": "2026-11-19T08:00:00",
        "categories": [{"id": 4, "name": "Tools", "slug": "tools"}],
        "tags": [{"id": 9, "name": "zinc", "slug": "zinc"}],
        "images": [{"id": 1, "src": "https://www.beet.example/can.jpg"}],
        "parent_id": 0,
        "variations": [],
        **changed,
    }


def woo_order(status: str = "processing", **changed: Any) -> dict[str, Any]:
    """Two lines of 36.00 and 12.00 after discounts."""
    return {
        "id": 900,
        "status": status,
        "currency": "EUR",
        "date_created_gmt": "2026-11-20T12:00:00",
        "date_modified_gmt": "2026-11-20T12:00:05",
        "date_paid_gmt": None if status in ("pending", "on-hold", "cancelled") else "2026-11-20T12:00:04",
        "customer_id": 77,
        "billing": {
            "first_name": "Ole", "last_name": "Brandt", "email": "ole@mail.example", "phone": "+494012345", "country": "DE"
        },
        "line_items": [
            {
                "id": 1, "name": "Watering can", "product_id": 31, "variation_id": 0, "sku": "CAN-5", "quantity": 2,
                "subtotal": "48.00", "total": "36.00", "total_tax": "6.84",
            },
            {
                "id": 2, "name": "Gloves - M", "product_id": 40, "variation_id": 41, "sku": "", "quantity": 1,
                "subtotal": "12.00", "total": "12.00", "total_tax": "2.28",
            },
        ],
        "coupon_lines": [{"code": "herbst"}],
        "refunds": [],
        **changed,
    }  # fmt: skip
