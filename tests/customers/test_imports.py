"""Real files in: all or nothing, each row once, nothing granted by itself."""

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import Sum

from catalog.models import Product, ProductChange, Review
from customers import consent, identities
from customers.imports import BadFile, import_file, intake
from customers.models import ConsentRecord, Customer, Event, ImportRun
from customers.purposes import PUBLIC_FILE
from tests.conftest import NOW

DATA = Path(__file__).resolve().parents[3] / "shared/data"
HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SALES = HEAD + (
    "536365,85123A,HEART HOLDER,6.0,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    "536365,71053,METAL LANTERN,6.0,2010-12-01 08:26:00,3.39,17850.0,United Kingdom\n"
    "536365,71053,METAL LANTERN,6.0,2010-12-01 08:26:00,3.39,17850.0,United Kingdom\n"
    "536366,POST,POSTAGE,1.0,2010-12-02 09:00:00,18.0,12583.0,France\n"
    "536367,71053,METAL LANTERN,2.0,2010-12-03 09:00:00,3.39,17850.0,United Kingdom\n"
    "C536368,71053,METAL LANTERN,-6.0,2010-12-04 09:00:00,3.39,17850.0,United Kingdom\n"
    "C536369,85123A,HEART HOLDER,-60.0,2010-12-05 09:00:00,2.55,17850.0,United Kingdom\n"
    "536370,71053,,5.0,2010-12-05 10:00:00,3.39,,United Kingdom\n"
    "536371,71053,lost,-5.0,2010-12-05 10:00:00,3.39,17850.0,United Kingdom\n"
    "536372,71053,METAL LANTERN,1.0,2010-12-05 10:00:00,0.0,17850.0,United Kingdom\n"
)


def rows_of_everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the import's own diary."""
    tables = [model for app in ("catalog", "customers") for model in apps.get_app_config(app).get_models()]
    skipped = {"updated_at"}
    return {
        model.__name__: sorted(
            model._default_manager.values_list(
                *(f.name for f in model._meta.concrete_fields if f.name not in skipped)
            ),
            key=str,
        )
        for model in tables
        if model is not ImportRun
    }


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(SALES)
    return path


@pytest.mark.django_db
class TestOnlineRetail:
    def test_each_line_becomes_what_it_is(self, sales: Path) -> None:
        counts = import_file("online-retail", sales, at=NOW).counts
        assert (counts["rows"], counts["kept"]) == (10, 7)
        assert (
            counts["skipped:no_customer"],
            counts["skipped:negative_quantity"],
            counts["skipped:no_price"],
        ) == (1, 1, 1)
        assert Event.objects.filter(type="ordered").aggregate(s=Sum("value"))["s"] == Decimal("80.76")
        assert Customer.objects.get(external_id="12583").country == "FR"
        lantern = Product.objects.get(sku="71053")
        assert (lantern.title, lantern.is_listed, lantern.currency) == ("METAL LANTERN", True, "GBP")
        assert not Product.objects.get(sku="POST").is_listed

    def test_a_cancellation_finds_the_sale_it_cancels(self, sales: Path) -> None:
        counts = import_file("online-retail", sales, at=NOW).counts
        assert (counts["cancellations_matched"], counts["cancellations_unmatched"]) == (1, 1)
        cancelled = Event.objects.get(order_id="C536368").cancels
        assert cancelled is not None
        # The newest sale of it has only two left; the one before has six.
        assert (cancelled.order_id, cancelled.quantity) == ("536365", Decimal(6))
        assert Event.objects.get(order_id="C536369").cancels is None

    def test_twice_changes_no_row(self, sales: Path) -> None:
        grant = ("analytics", "personalization")
        import_file("online-retail", sales, at=NOW, grant=grant, notice=PUBLIC_FILE)
        before = rows_of_everything()
        counts = import_file("online-retail", sales, at=NOW, grant=grant, notice=PUBLIC_FILE).counts
        assert rows_of_everything() == before
        assert (counts["kept"], counts["duplicates"], counts["grants_recorded"]) == (0, 7, 0)

    def test_someone_with_two_countries_keeps_the_first_and_changes_no_more(
        self, sales: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "PAGE", 2)  # so that the two stand pages apart
        sales.write_text(f"{SALES}536373,71053,METAL LANTERN,1.0,2010-12-06 10:00:00,3.39,12583.0,Germany\n")
        assert import_file("online-retail", sales, at=NOW).counts["people_changed"] == 0
        before = rows_of_everything()
        assert import_file("online-retail", sales, at=NOW).counts["people_changed"] == 0
        assert rows_of_everything() == before
        assert Customer.objects.get(external_id="12583").country == "FR"

    def test_the_sister_file_with_other_names_keeps_shared_invoices_once(
        self, sales: Path, tmp_path: Path
    ) -> None:
        import_file("online-retail", sales, at=NOW)
        sister = tmp_path / "sister.csv.gz"
        text = SALES.replace(
            HEAD, "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        )
        with gzip.open(sister, "wt") as file:
            file.write(text.replace("536366,", "599999,"))
        assert import_file("online-retail", sister, at=NOW).counts["kept"] == 1

    def test_imports_grant_nothing_by_themselves(self, sales: Path) -> None:
        import_file("online-retail", sales, at=NOW)
        assert not ConsentRecord.objects.exists()

    def test_a_grant_names_its_evidence_and_never_overrides_a_refusal(self, sales: Path) -> None:
        refuser = identities.find_or_create(["17850"])["17850"]
        consent.withdraw(refuser, "personalization", method="page", source="t", actor="customer", at=NOW)
        counts = import_file(
            "online-retail", sales, at=NOW, grant=["personalization"], notice=PUBLIC_FILE
        ).counts
        assert counts["refusals_kept"] == 1
        record = ConsentRecord.objects.get(granted=True)
        assert (record.notice, record.method, record.source, record.actor) == (
            PUBLIC_FILE, "import", "sales.csv", "command",
        )  # fmt: skip
        assert not consent.decide(refuser, "personalization", at=NOW).allowed

    def test_a_trial_keeps_nothing(self, sales: Path) -> None:
        before = rows_of_everything()
        assert import_file("online-retail", sales, at=NOW, dry_run=True).counts["kept"] == 7
        assert rows_of_everything() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (HEAD.encode(), "no rows below"),
        (SALES.replace("StockCode", "Colour").encode(), "no column for StockCode"),
        (SALES.encode()[:-40], "columns where the first line names 8"),
        (SALES.replace("METAL", "MÉTAL").encode("latin-1"), "not UTF-8"),
        (gzip.compress(SALES.encode() * 50)[:-200], "cut or damaged"),
        (SALES.encode() + b"536380,\0", "NUL"),
        (SALES.encode() + b'536380,"never closed,1,2010-12-05 10:00:00,1,1,UK\n', "cut or broken"),
    ],
    ids=["empty", "header-only", "wrong-column", "cut", "latin-1", "cut-gzip", "nul", "open-quote"],
)
def test_a_bad_file_gives_one_clear_line_and_keeps_nothing(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    before = rows_of_everything()
    with pytest.raises(CommandError) as error:
        call_command("import_data", "online-retail", str(path))
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("Nothing was kept.")
    assert rows_of_everything() == before
    assert says in ImportRun.objects.get().error


@pytest.mark.django_db
def test_a_bad_row_late_in_the_file_undoes_the_good_pages_before_it(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lines = [f"{n},85123A,X,1,2010-12-01 08:26:00,2.55,{n % 50},United Kingdom\n" for n in range(9000)]
    path.write_text(HEAD + "".join(lines) + "9001,85123A\n")
    with pytest.raises(BadFile, match="line 9002"):
        import_file("online-retail", path, at=NOW)
    assert not Event.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.django_db
class TestPlainFiles:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / "file.csv"
        path.write_text("\ufeff" + text)
        return path

    def test_events_with_dirt(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path,
            "Customer ID,SKU,Event,Value,Occurred At\n"
            "1,a,ordered,10.5,2026-01-01T10:00:00Z\n"
            "1,a,ordered,10.5,2026-01-01T10:00:00Z\n"
            "2,a,viewed,,2026-01-01 11:00\n"
            '2,a,ordered,"12,50",2026-01-01 11:00\n'
            "3,a,danced,,2026-01-01 11:00\n"
            ",a,ordered,1,2026-01-01 11:00\n"
            "4,a,ordered,1,yesterday\n",
        )
        done = import_file("events-csv", path, at=NOW)
        assert (done.counts["kept"], done.counts["duplicates"]) == (1, 1)
        reasons = {name: count for name, count in done.counts.items() if name.startswith("skipped")}
        assert reasons == {
            "skipped:no_consent:analytics": 1,
            "skipped:bad_number": 1,
            "skipped:unknown_type": 1,
            "skipped:no_customer": 1,
            "skipped:bad_time": 1,
        }
        assert done.skipped_lines["bad_time"] == [8]

    @pytest.mark.parametrize(
        ("when", "quantity", "reason"),
        [
            ("5/4/2024 10:00", "1", "bad_time"),
            ("2026-11-25T12:00:00Z", "1", "in_the_future"),
            ("2026-01-01", "-1", "below_nought"),
        ],
    )
    def test_an_event_of_no_certain_day_or_number_is_not_guessed_at(
        self, tmp_path: Path, when: str, quantity: str, reason: str
    ) -> None:
        path = self.write(
            tmp_path, f"customer,sku,event,quantity,occurred_at\n1,a,ordered,{quantity},{when}\n"
        )
        assert import_file("events-csv", path, at=NOW).counts == {"rows": 1, f"skipped:{reason}": 1}
        assert Event.objects.count() == 0

    def test_a_refund_takes_its_money_from_the_order_in_the_same_file(self, tmp_path: Path) -> None:
        head = "customer,event,occurred_at,sku,quantity,value,order_id,message_id\n"
        path = self.write(
            tmp_path,
            head
            + "1,ordered,2026-01-01,a,2,25.00,o1,m1\n"
            + "1,ordered,2026-01-01,b,1,5.00,o1,m2\n"
            + "1,refunded,2026-01-02,a,1,,o1,m3\n",
        )
        for _again in range(2):
            import_file("events-csv", path, at=NOW)
        back = Event.objects.get(type="refunded")
        assert (back.value, back.quantity, back.cancels) == (
            Decimal("12.50"),
            Decimal(1),
            Event.objects.get(message_id="m1"),
        )

    def test_products(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path, "id,name,price,availability,department\nx,Thing,9.99,out of stock,Toys\n,No,1,yes,\n"
        )
        assert import_file("products-csv", path, at=NOW).counts["kept"] == 1
        product = Product.objects.get()
        assert (product.sku, product.price, product.in_stock) == ("x", Decimal("9.99"), False)
        assert product.category is not None
        assert product.category.name == "Toys"

    def test_customers(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "id,E-Mail,Country\n7,seven@mail.example,de\n8,x@mail.example,Germany\n")
        counts = import_file("customers-csv", path, at=NOW).counts
        assert (counts["kept"], counts["skipped:country_is_no_two_letters"]) == (1, 1)
        assert Customer.objects.get().country == "DE"

    def test_reviews_with_ratings_and_with_labels(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "cat,label,review\n书籍,1,很好\n书籍,0,\ufeff不好\n书籍,1,很好\n书籍,,\n")
        counts = import_file("reviews-csv", path, at=NOW).counts
        assert (counts["kept"], counts["duplicates"], counts["skipped:empty"]) == (2, 1, 1)
        assert sorted(Review.objects.values_list("text", "rating")) == [("不好", 1), ("很好", 5)]

    def test_a_feed_as_json_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "feed.jsonl"
        sound = {
            "sku": "tea", "title": "Tea", "category": "Drinks", "price": "6.50", "currency": "eur", "in_stock": False,
            "url": "https://shop.example/tea", "image_url": "ftp://x", "attributes": {"leaf": "black"},
        }  # fmt: skip
        bad: list[object] = [
            {"title": "No SKU"}, {"sku": "a", "prize": 1}, {"sku": "b", "price": -1}, {"sku": "c", "price": "many"}, 7,
        ]  # fmt: skip
        path.write_text("\n".join(json.dumps(line) for line in [sound, *bad]))
        counts = import_file("products-jsonl", path, at=NOW).counts
        assert (counts["rows"], counts["kept"]) == (6, 1)
        assert {name for name in counts if name.startswith("skipped:")} == {
            "skipped:no_sku", "skipped:unknown_field", "skipped:bad_price", "skipped:bad_number", "skipped:not_an_object",
        }  # fmt: skip
        tea = Product.objects.get()
        assert (tea.price, tea.currency, tea.in_stock, tea.image_url) == (Decimal("6.50"), "EUR", False, "")
        assert (tea.category.name, tea.attributes, tea.is_learnt) == ("Drinks", {"leaf": "black"}, False)
        sound["price"] = "5.00"
        path.write_text(json.dumps(sound))
        assert import_file("products-jsonl", path, at=NOW).counts["products_changed"] == 1
        assert list(ProductChange.objects.order_by("pk").values_list("price", flat=True)) == [
            Decimal("6.50"),
            Decimal("5.00"),
        ]

    @pytest.mark.parametrize("zipped", [False, True])
    def test_a_feed_of_google_merchant(self, tmp_path: Path, zipped: bool) -> None:
        feed = b"""<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>tea</g:id><title>Plain</title><g:title>Assam</g:title><link>https://shop.example/tea</link>
<g:price>6.50 EUR</g:price><g:sale_price>5.00 EUR</g:sale_price><g:availability>in stock</g:availability>
<g:product_type>Home &gt; Kitchen &gt; Tea</g:product_type><g:product_type>Other</g:product_type><g:brand>Leaf</g:brand>
<g:color>black</g:color><g:image_link>https://shop.example/tea.jpg</g:image_link></item>
<item><g:id>cup</g:id><title>Cup &amp; saucer</title><g:price>3 EUR</g:price><g:availability>out_of_stock</g:availability></item>
<item><title>No id</title></item>
<item><g:id>odd</g:id><g:availability>perhaps</g:availability></item>
</channel></rss>"""
        path = tmp_path / "feed.xml"
        path.write_bytes(gzip.compress(feed) if zipped else feed)
        counts = import_file("google-merchant", path, at=NOW).counts
        assert (
            counts["rows"],
            counts["kept"],
            counts["skipped:no_sku"],
            counts["skipped:bad_availability"],
        ) == (4, 2, 1, 1)
        tea, cup = Product.objects.get(sku="tea"), Product.objects.get(sku="cup")
        assert (tea.title, tea.price, tea.currency, tea.category.name) == (
            "Assam",
            Decimal("5.00"),
            "EUR",
            "Tea",
        )
        assert (tea.brand, tea.attributes, tea.url) == (
            "Leaf",
            {"color": "black"},
            "https://shop.example/tea",
        )
        assert (cup.title, cup.in_stock) == ("Cup & saucer", False)

    def test_an_atom_feed_is_read_too(self, tmp_path: Path) -> None:
        path = tmp_path / "feed.atom"
        path.write_text(
            '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry><g:id>tea</g:id>'
            '<title>Tea</title><link href="https://shop.example/tea"/><summary>Strong</summary></entry></feed>'
        )
        assert import_file("google-merchant", path, at=NOW).counts["kept"] == 1
        tea = Product.objects.get()
        assert (tea.description, tea.url) == ("Strong", "https://shop.example/tea")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("<rss><channel><item><id>a</id></item>", "not XML"),
            (
                '<!DOCTYPE x [<!ENTITY a "aa">]><rss><channel><item><id>&a;</id></item></channel></rss>',
                "document type",
            ),
            ("<rss><channel></channel></rss>", "no rows"),
            ("", "not XML"),
        ],
    )
    def test_a_feed_that_is_cut_or_hostile_keeps_nothing(self, tmp_path: Path, text: str, why: str) -> None:
        path = tmp_path / "feed.xml"
        path.write_text(text)
        with pytest.raises(BadFile, match=why):
            import_file("google-merchant", path, at=NOW)
        assert not Product.objects.exists()

    def test_segment_messages(self, tmp_path: Path) -> None:
        identified = {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m1"}
        identified["traits"] = {"email": "u1@mail.example", "firstName": "U", "lastName": "One"}  # type: ignore[assignment]
        order = {
            "type": "track",
            "event": "Order Completed",
            "userId": "u1",
            "anonymousId": None,
            "messageId": "m2",
            "timestamp": "2026-01-01T12:00:00Z",
            "sentAt": "2026-01-01T12:05:00Z",
            "receivedAt": "2026-01-01T13:05:00Z",
            "properties": {
                "order_id": "o1",
                "currency": "EUR",
                "products": [
                    {"product_id": "p1", "name": "One", "price": 2.5, "quantity": 2, "category": "Things"},
                    {"sku": "p2", "name": "Two", "price": "3", "quantity": 1},
                ],
            },
        }
        lines = [
            identified,
            order,
            {"type": "page", "userId": "u1"},
            {"type": "track", "event": "Order Completed"},
        ]
        path = tmp_path / "segment.jsonl"
        path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
        counts = import_file("segment-jsonl", path, at=NOW).counts
        assert (counts["skipped:not_used"], counts["skipped:no_user_anon_id"]) == (1, 1)
        got = [
            (e.message_id, e.product.sku if e.product else "", e.value, e.order_id)
            for e in Event.objects.order_by("pk")
        ]
        assert got == [("m2#0", "p1", Decimal("5.00"), "o1"), ("m2#1", "p2", Decimal("3.00"), "o1")]
        # The sender's clock was an hour slow: 12:00 by it, sent five minutes later, received at 13:05.
        assert {f"{e.occurred_at:%H:%M}" for e in Event.objects.all()} == {"13:00"}
        assert identities.find(["a1"], "anonymous")["a1"] == identities.find(["u1"])["u1"]
        assert import_file("segment-jsonl", path, at=NOW).counts["duplicates"] == 2

    def test_a_cut_line_of_json_keeps_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "segment.jsonl"
        path.write_text('{"type":"identify","userId":"u1"}\n{"type":"ident')
        with pytest.raises(BadFile, match="line 2: not JSON"):
            import_file("segment-jsonl", path, at=NOW)
        assert not Customer.objects.exists()

    def test_movielens(self, tmp_path: Path) -> None:
        (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film (1999),Comedy|Drama\n")
        (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n5,1,4.5,964982703\n")
        grant = ["analytics"]
        assert import_file("movielens", tmp_path, at=NOW, grant=grant, notice=PUBLIC_FILE).counts["kept"] == 1
        event = Event.objects.get()
        assert (event.type, event.context, event.occurred_at.year) == ("rated", {"rating": 4.5}, 2000)


@pytest.mark.django_db
def test_a_grant_without_its_notice_is_refused(sales: Path) -> None:
    with pytest.raises(BadFile, match="notice"):
        import_file("online-retail", sales, at=NOW, grant=["analytics"])
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.once
@pytest.mark.skipif(not DATA.exists(), reason="the public data sets are not beside the project")
class TestPublicFiles:
    def test_online_retail_equals_the_totals_counted_elsewhere(self) -> None:
        expected = json.loads((DATA / "expected_totals.json").read_text())["online-retail"]
        path = DATA / "online-retail/online_retail_2010_2011.csv.gz"
        counts = import_file("online-retail", path, at=NOW).counts
        sales = Event.objects.filter(type="ordered")
        assert counts["rows"] == expected["rows"]
        assert counts["cancellation_lines"] == expected["cancellation_lines"]
        assert counts["skipped:no_customer"] == expected["missing_customer"]
        assert sales.count() == expected["clean_rows"]
        assert round(sales.aggregate(s=Sum("value"))["s"], 2) == Decimal(str(expected["clean_revenue"]))
        assert sales.values("customer_id").distinct().count() == expected["clean_customers"]
        assert sales.values("order_id").distinct().count() == expected["clean_invoices"]
        unlisted = set(Product.objects.filter(is_listed=False).values_list("sku", flat=True))
        assert {"POST", "M", "D", "BANK CHARGES"} <= unlisted

    @pytest.mark.once
    def test_complete_journey_equals_the_totals_counted_elsewhere(self) -> None:
        expected = json.loads((DATA / "expected_totals.json").read_text())["complete-journey"]
        counts = import_file("complete-journey", DATA / "complete-journey", at=NOW).counts
        assert counts["products"] == expected["rows"]["products"]
        assert counts["rows"] == expected["rows"]["transactions_sample"]
        assert counts["skipped:no_quantity"] == expected["lines_with_quantity_0"]
        assert counts["kept"] == 75_000 - 416
        unknown = Event.objects.filter(product__is_listed=False).count()
        with gzip.open(DATA / "complete-journey/products.csv.gz", "rt") as file:
            known = {row["product_id"] for row in csv.DictReader(file)}
        with gzip.open(DATA / "complete-journey/transactions_sample.csv.gz", "rt") as file:
            stray = [row for row in csv.DictReader(file) if row["product_id"] not in known]
        assert len(stray) == expected["lines_of_unknown_product"]
        assert unknown == sum(float(row["quantity"]) > 0 for row in stray)
