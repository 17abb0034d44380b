"""Known public data sets: Online Retail, Complete Journey, MovieLens."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _

from catalog.imports import ProductInput
from customers.events import Incoming
from customers.identities import Profile
from customers.imports.intake import Intake
from customers.imports.source import BadFile, Column, Progress, rows
from customers.imports.values import moment, number, plain, whole_id

CENT = Decimal("0.01")
PRODUCT_CODE = re.compile(r"\d{5}[A-Za-z]{0,2}")
ONLINE_RETAIL = (
    Column("InvoiceNo", ("Invoice",)),
    Column("StockCode", ("Code", "SKU")),
    Column("Description", ("Title",)),
    Column("Quantity"),
    Column("InvoiceDate", ("Date",)),
    Column("UnitPrice", ("Price",)),
    Column("CustomerID", ("Customer",)),
    Column("Country"),
)
# ISO 3166 of the countries the shop names; others stay unknown, which means the default jurisdiction.
COUNTRIES = {
    "United Kingdom": "GB", "Netherlands": "NL", "EIRE": "IE", "Germany": "DE", "France": "FR", "Australia": "AU",
    "Spain": "ES", "Switzerland": "CH", "Belgium": "BE", "Sweden": "SE", "Japan": "JP", "Norway": "NO",
    "Portugal": "PT", "Finland": "FI", "Channel Islands": "JE", "Denmark": "DK", "Italy": "IT", "Cyprus": "CY",
    "Austria": "AT", "Singapore": "SG", "Poland": "PL", "Israel": "IL", "Greece": "GR", "Iceland": "IS",
    "Canada": "CA", "Malta": "MT", "United Arab Emirates": "AE", "USA": "US", "Lebanon": "LB", "Lithuania": "LT",
    "Brazil": "BR", "Czech Republic": "CZ", "Bahrain": "BH", "Saudi Arabia": "SA", "RSA": "ZA", "Hong Kong": "HK",
}  # fmt: skip


def online_retail(path: Path, intake: Intake, *, progress: Progress | None) -> None:
    """Invoices of a shop. Cancellations (invoice begins with C) are matched to the sale they cancel.

    Exact duplicate lines of an invoice are kept as repeats, told apart by their number within the invoice, so the
    same invoice in another file of the shop is still kept once. Of someone with two countries the first one counts.
    Times are the shop's local ones, read as UTC. Memory grows with the file's people and products, not with its lines.
    """
    described: dict[str, tuple[str, Decimal]] = {}
    invoice, repeats = "", Counter[tuple[str, str, str]]()
    told: set[str] = set()
    for row in rows(path, ONLINE_RETAIL, progress=progress):
        intake.counts["rows"] += 1
        number_, code, customer = whole_id(row["InvoiceNo"]), row["StockCode"], whole_id(row["CustomerID"])
        if number_ != invoice:
            invoice, repeats = number_, Counter()
        try:
            quantity, price = number(row["Quantity"]), number(row["UnitPrice"])
            when = moment(row["InvoiceDate"])
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        is_cancellation = number_.upper().startswith("C")
        intake.counts["cancellation_lines"] += is_cancellation
        if not customer:
            intake.skip("no_customer", row.line)
            continue
        if price <= 0:
            intake.skip("no_price", row.line)
            continue
        if is_cancellation == (quantity > 0) or quantity == 0:
            intake.skip(
                "negative_quantity" if not is_cancellation else "cancellation_without_quantity", row.line
            )
            continue
        same = (code, row["Quantity"], row["UnitPrice"])
        repeats[same] += 1
        title = row["Description"]
        if title or code not in described:
            described[code] = (title or code, price)
        if customer not in told:
            told.add(customer)
            intake.person(Profile(id=customer, country=COUNTRIES.get(row["Country"], "")))
        event = Incoming(
            message_id=f"{number_}-{code}-{plain(row['Quantity'])}-{plain(row['UnitPrice'])}-{repeats[same]}",
            type="refunded" if is_cancellation else "ordered",
            customer=customer,
            sku=code,
            quantity=abs(quantity),
            value=(abs(quantity) * price).quantize(CENT),
            currency="GBP",
            order_id=number_,
            occurred_at=when,
        )
        (intake.refund if is_cancellation else intake.event)(event)
    intake.flush()
    for code, (title, price) in described.items():
        listed = PRODUCT_CODE.fullmatch(code) is not None  # POST, D, M, BANK CHARGES … are no products
        intake.product(
            ProductInput(sku=code, title=title, price=price.quantize(CENT), currency="GBP", is_listed=listed)
        )
    intake.flush()


JOURNEY_PRODUCTS = (
    Column("product_id"),
    Column("department"),
    Column("brand"),
    Column("product_category"),
    Column("product_type"),
    Column("package_size", required=False),
)
JOURNEY_TRANSACTIONS = (
    Column("household_id", ("household_key",)),
    Column("basket_id"),
    Column("product_id"),
    Column("quantity"),
    Column("sales_value"),
    Column("transaction_timestamp"),
)


def complete_journey(path: Path, intake: Intake, *, progress: Progress | None) -> None:
    """A folder with `products.csv` and `transactions*.csv` (`.gz` too), or the transactions file beside the products."""
    folder = path if path.is_dir() else path.parent
    sales = sorted(folder.glob("transactions*.csv*")) if path.is_dir() else [path]
    wares = sorted(folder.glob("products.csv*"))
    if not sales or not wares:
        raise BadFile(_("%s needs products.csv and transactions.csv (or .gz).") % folder.name)
    for row in rows(wares[0], JOURNEY_PRODUCTS, progress=progress):
        intake.counts["products"] += 1
        words = [row["product_type"], row["product_category"], row["package_size"]]
        intake.product(
            ProductInput(
                sku=row["product_id"],
                title=" ".join(dict.fromkeys(word for word in words if word)) or row["product_id"],
                category=row["product_category"] or row["department"] or None,
                brand=row["brand"],
                currency="USD",
                attributes={"department": row["department"]},
            )
        )
    intake.flush()
    repeats: Counter[tuple[str, str]] = Counter()
    basket = ""
    for row in rows(sales[0], JOURNEY_TRANSACTIONS, progress=progress):
        intake.counts["rows"] += 1
        try:
            quantity, value = number(row["quantity"]), number(row["sales_value"])
            when = moment(row["transaction_timestamp"])
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        if quantity <= 0:
            intake.skip("no_quantity", row.line)
            continue
        if row["basket_id"] != basket:
            basket, repeats = row["basket_id"], Counter()
        repeats[(basket, row["product_id"])] += 1
        intake.event(
            Incoming(
                message_id=f"{basket}-{row['product_id']}-{when:%Y%m%d%H%M%S}-{repeats[(basket, row['product_id'])]}",
                type="ordered",
                customer=row["household_id"],
                sku=row["product_id"],
                quantity=quantity,
                value=value.quantize(CENT),
                currency="USD",
                order_id=basket,
                occurred_at=when,
            )
        )
    intake.flush()


RATINGS = (Column("userId", ("user",)), Column("movieId", ("item",)), Column("rating"), Column("timestamp"))
MOVIES = (Column("movieId"), Column("title"), Column("genres"))


def movielens(path: Path, intake: Intake, *, progress: Progress | None) -> None:
    """`ratings.csv` (a folder or the file), with the `movies.csv` beside it when there is one."""
    folder = path if path.is_dir() else path.parent
    found = sorted(folder.glob("ratings.csv*")) if path.is_dir() else [path]
    if not found:
        raise BadFile(_("%s has no ratings.csv.") % folder.name)
    for movies in sorted(folder.glob("movies.csv*"))[:1]:
        for row in rows(movies, MOVIES, progress=progress):
            genre = row["genres"].split("|")[0]
            intake.product(ProductInput(sku=row["movieId"], title=row["title"], category=genre or None))
        intake.flush()
    for row in rows(found[0], RATINGS, progress=progress):
        intake.counts["rows"] += 1
        try:
            rating, when = number(row["rating"]), moment(row["timestamp"])
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        intake.event(
            Incoming(
                message_id=f"{row['userId']}-{row['movieId']}",
                type="rated",
                customer=row["userId"],
                sku=row["movieId"],
                occurred_at=when,
                context={"rating": float(rating)},
            )
        )
    intake.flush()
