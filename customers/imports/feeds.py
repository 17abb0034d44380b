"""Feeds of a catalogue: JSON lines, and the RSS or Atom that Google Merchant Center takes.

Source of the names: Google Merchant Center, product data specification.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from django.utils.translation import gettext as _

from catalog.imports import ProductInput
from customers import values
from customers.imports.intake import Intake
from customers.imports.source import BadFile, Progress, Source, lines, not_json, opened
from customers.imports.values import number, truth

MOST_ATTRIBUTES = 50
_JSON_FIELDS = {
    "sku", "title", "description", "category", "brand", "price", "currency", "in_stock", "image_url", "url", "attributes",
}  # fmt: skip
_GOOGLE = "{http://base.google.com/ns/1.0}"
_ATOM = "{http://www.w3.org/2005/Atom}"
# What may be ordered now although it comes later can be recommended.
_AVAILABLE = {"in_stock": True, "preorder": True, "backorder": True, "out_of_stock": False}
_KEPT = ("color", "size", "material", "pattern", "gender", "age_group", "condition", "item_group_id")


def products_jsonl(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """One product a line, in the fields of `PUT /products/{sku}` and its `sku`."""
    for number_, line in enumerate(lines(path, progress=progress), 1):
        if not line.strip():
            continue
        intake.counts["rows"] += 1
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise not_json(path, number_, error) from error
        if not isinstance(said, dict):
            intake.skip("not_an_object", number_)
            continue
        in_stock, attributes = said.get("in_stock"), said.get("attributes")
        if not set(said) <= _JSON_FIELDS:
            intake.skip("unknown_field", number_)
        elif not isinstance(in_stock, bool | None) or not isinstance(attributes, dict | None):
            intake.skip("bad_product", number_)
        else:
            texts = {
                name: values.text(said.get(name), 20_000)
                for name in _JSON_FIELDS - {"in_stock", "attributes"}
            }
            _keep(intake, number_, texts, in_stock=in_stock, attributes=attributes)
    intake.flush()


def google_merchant(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """RSS 2.0 (`item`) or Atom (`entry`); the first product type's last part is the category."""
    for count, item in enumerate(_items(path, progress), 1):
        intake.counts["rows"] += 1
        price, _space, currency = (item.get("sale_price") or item.get("price", "")).partition(" ")
        texts = {
            "sku": item.get("id", ""),
            "title": item.get("title", ""),
            "description": item.get("description") or item.get("summary", ""),
            "category": (item.get("product_type") or item.get("google_product_category", ""))
            .split(">")[-1]
            .strip(),
            "brand": item.get("brand", ""),
            "price": price,
            "currency": currency.strip(),
            "image_url": item.get("image_link", ""),
            "url": item.get("link", ""),
        }
        availability = item.get("availability", "").lower().replace(" ", "_")
        try:
            in_stock = _AVAILABLE[availability] if availability in _AVAILABLE else truth(availability)
        except ValueError:
            intake.skip("bad_availability", count)
            continue
        kept = {name: item[name][:200] for name in _KEPT if item.get(name)}
        _keep(intake, count, texts, in_stock=in_stock, attributes=kept or None)
    intake.flush()


def _items(path: Source, progress: Progress | None) -> Iterator[Mapping[str, str]]:
    """The items of a feed, one in memory at a time, each as {name without its namespace: text}. Raises BadFile."""
    try:
        with opened(path, progress=progress) as content:
            inside: list[Element] = []
            for moment, element in iterparse(content, events=("start", "end"), forbid_dtd=True):
                if moment == "start":
                    inside.append(element)
                    continue
                inside.pop()
                if element.tag in ("item", f"{_ATOM}entry"):
                    yield _named(element)
                    if inside:
                        inside[-1].clear()  # what was read is let go
    except DefusedXmlException as error:
        told = _("%s declares a document type or entities, which a feed has no use for.")
        raise BadFile(told % path.name) from error
    except ParseError as error:
        told = _("%(name)s, line %(line)s: not XML. The file seems cut or broken.")
        raise BadFile(told % {"name": path.name, "line": error.position[0]}) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(_("%s is cut or damaged. Fetch it again.") % path.name) from error


def _named(item: Element) -> dict[str, str]:
    """The first of each name; what Google's namespace says goes before what RSS or Atom say."""
    own: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for part in item:
        if said := (part.text or "").strip() or part.get("href", ""):
            found = theirs if part.tag.startswith(_GOOGLE) else own
            found.setdefault(part.tag.removeprefix(_GOOGLE).removeprefix(_ATOM), said)
    return own | theirs


def _keep(
    intake: Intake,
    line: int,
    texts: Mapping[str, str],
    *,
    in_stock: bool | None,
    attributes: dict[str, Any] | None,
) -> None:
    """Hand the product on, or say why not."""
    try:
        price = number(texts["price"]).quantize(Decimal("0.01")) if texts["price"] else None
    except ValueError as reason:
        intake.skip(str(reason), line)
        return
    currency = texts["currency"].upper()
    if not texts["sku"] or len(texts["sku"]) > 100:
        intake.skip("too_long" if texts["sku"] else "no_sku", line)
    elif (price is not None and price < 0) or (currency and not (len(currency) == 3 and currency.isalpha())):
        intake.skip("bad_price", line)
    else:
        intake.product(
            ProductInput(
                sku=texts["sku"],
                title=texts["title"][:500] or texts["sku"],
                description=texts["description"] or None,
                category=texts["category"][:200] or None,
                brand=texts["brand"][:200] or None,
                price=price,
                currency=currency or None,
                in_stock=in_stock,
                image_url=values.address(texts["image_url"]),
                url=values.address(texts["url"]),
                attributes=dict(list((attributes or {}).items())[:MOST_ATTRIBUTES]) or None,
            )
        )
        intake.counts["kept"] += 1
