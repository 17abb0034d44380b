"""People made up: one of whom everything is known, and one of whom nothing is."""

from collections.abc import Mapping
from typing import Any

from campaigns.messages.blocks import NAMES


def sample_contexts() -> list[Mapping[str, Any]]:
    """Someone of whom everything is known, and someone of whom nothing is."""
    product = {
        "sku": "S",
        "title": "A product",
        "url": "https://shop.example/",
        "image_url": "",
        "price": "€9.00",
    }
    offer = {
        "title": "Offer", "description": "", "benefit": "10 % off", "code": "CODE", "valid_until": "January 1, 2030",
        "minimum": "", "terms": "Valid until January 1, 2030.",
    }  # fmt: skip
    shared = {
        "shop": {"url": "https://shop.example"},
        "links": {"preferences": "https://shop.example/p", "unsubscribe": "https://shop.example/u"},
        **dict.fromkeys(NAMES, ""),
    }
    rich = {
        "customer": {"name": "Anna", "country": "DE"},
        "offer": offer,
        "offers": [offer] * 2,
        "products": [product] * 4,
        "cause": {"products": [product]},
        "language": "en",
    }
    poor = {
        "customer": {},
        "offers": [],
        "products": [],
        "cause": {"products": []},
        "language": "zh-hans",
    }
    return [{**shared, **rich}, {**shared, **poor}]
