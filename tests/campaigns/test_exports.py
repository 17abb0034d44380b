"""Rows for analysts: the same in every format, of nobody who did not allow it, in memory that does not grow."""

import csv
import gzip
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns import exports
from campaigns.exports import DATASETS, Span, datasets
from campaigns.models import Export, Segment
from catalog.models import Product
from customers import consent, privacy, restriction
from customers.models import Customer, Event
from tests import desk
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Writes a set as CSV and gives its rows back."""

    def made(dataset: str, **span: object) -> list[dict[str, str]]:
        exports.write_to(tmp_path / "out.csv", dataset, form="csv", at=timezone.now(), **span)
        return list(csv.DictReader((tmp_path / "out.csv").open(newline="")))

    return made


def acts(customer: Customer, product: Product | None, *kinds: str, at=NOW) -> None:
    Event.objects.bulk_create(
        Event(
            customer=customer, type=kind, product=product, value=Decimal("12.50"), currency="EUR", occurred_at=at,
            received_at=at, source="shop", message_id=f"{customer.pk}-{kind}-{at:%j}", order_id="=1+1",
            basis="contract" if kind == "ordered" else "default",
        )
        for kind in kinds
    )  # fmt: skip


def told(value: object) -> str:
    """A value of Parquet as CSV has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal() | int() | float():
            return str(value)
    return str(value) if isinstance(value, str) else value.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("dataset", DATASETS)
def test_csv_gzip_and_parquet_say_the_same_rows(db: None, tmp_path: Path, dataset: str) -> None:
    desk.measured(desk.shop(24))
    acts(Customer.objects.get(external_id="p001"), None, "viewed", "clicked")
    for form in Export.Format.values:
        exports.write_to(tmp_path / form, dataset, form=form, at=timezone.now())
    text = (tmp_path / "csv").read_bytes()
    plain = list(csv.reader(io.StringIO(text.decode())))
    table = pq.read_table(tmp_path / "parquet")
    assert plain[0] == table.column_names == [column.name for column in DATASETS[dataset].columns]
    assert len(plain) > 1 or dataset == "reports", "the shop has rows of it"
    rows = [[told(value) for value in row.values()] for row in table.to_pylist()]
    if dataset in ("members",):  # each run has its own moment
        plain, rows = [row[:2] for row in plain], [row[:2] for row in rows]
    assert sorted(plain[1:]) == sorted(rows)
    if dataset != "members":
        assert sorted(gzip.decompress((tmp_path / "csv.gz").read_bytes()).splitlines()) == sorted(
            text.splitlines()
        )


def test_columns_of_parquet_are_typed_and_say_what_they_mean(
    anna: Customer, products, tmp_path: Path
) -> None:
    acts(anna, products["rose"], "ordered")
    exports.write_to(tmp_path / "o", "orders", form="parquet", at=NOW)
    schema = pq.read_schema(tmp_path / "o")
    assert schema.field("value").type == pa.decimal128(14, 2)
    assert schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("value").metadata[b"about"] == b"the line's money, not the unit price"
    assert pq.read_table(tmp_path / "o").to_pylist()[0]["value"] == Decimal("12.50")


def test_a_row_group_holds_fifty_thousand_rows(db: None, tmp_path: Path, monkeypatch) -> None:
    desk.shop(9)
    monkeypatch.setattr("campaigns.exports.parquet_file.ROW_GROUP", 4)
    monkeypatch.setattr(datasets, "PAGE", 2)
    exports.write_to(tmp_path / "p", "products", form="parquet", at=NOW)
    whole = pq.ParquetFile(tmp_path / "p")
    assert [whole.metadata.row_group(n).num_rows for n in range(whole.num_row_groups)] == [4, 4, 1]


@pytest.mark.parametrize(
    "dataset",
    ["orders", "events", "decisions", "deliveries", "outcomes", "codes", "redemptions", "members"],
)
def test_nobody_is_in_a_set_who_did_not_allow_analytics(db: None, export, dataset: str) -> None:
    """Every third person of the shop allows nothing; all of the others are there but those who withdrew since."""
    desk.shop(12)
    if dataset == "events":
        for one in Customer.objects.all():
            acts(one, None, "viewed")
    before = {row["customer"] for row in export(dataset)}
    allowing = set(consent.permitted("analytics").values_list("external_id", flat=True))
    assert before and before <= allowing
    assert before < set(Customer.objects.values_list("external_id", flat=True))
    gone = sorted(before)
    withdrawn, restricted, erased = Customer.objects.filter(external_id__in=gone[:3])
    consent.withdraw(withdrawn.pk, "analytics", method="m", source="t", actor="customer", at=timezone.now())
    restriction.restrict([restricted], at=timezone.now())
    privacy.erase(erased.pk, actor="t", at=timezone.now())
    assert {row["customer"] for row in export(dataset)} == before - set(gone[:3])


def test_orders_and_clicks_ask_as_behaviour_does(
    anna: Customer, boris: Customer, clara: Customer, products, export
) -> None:
    dora = person("dora", allows=["analytics"])
    for one in (anna, boris, clara, dora):
        acts(one, products["rose"], "ordered", "viewed", "clicked")
    assert {row["customer"] for row in export("orders")} == {"anna", "dora"}
    assert {(row["customer"], row["type"]) for row in export("events")} == {
        ("anna", "viewed"),
        ("anna", "clicked"),
        ("dora", "viewed"),
    }


def test_answers_are_told_of_everyone_who_is_here(
    anna: Customer, boris: Customer, clara: Customer, export
) -> None:
    consent.withdraw(boris.pk, "analytics", method="m", source="t", actor="customer", at=NOW)
    found = {row["customer"]: row["granted"] for row in export("consents") if row["purpose"] == "analytics"}
    assert found == {"anna": "true", "boris": "false", "clara": "false"}
    restriction.restrict([clara], at=NOW)
    privacy.erase(boris.pk, actor="t", at=NOW)
    assert {row["customer"] for row in export("consents")} == {"anna"}


def test_no_set_names_or_addresses_anybody(db: None, tmp_path: Path) -> None:
    desk.shop(24)
    Customer.objects.update(attributes={"secret": "canary"})
    for dataset in DATASETS:
        exports.write_to(tmp_path / dataset, dataset, form="csv", at=timezone.now())
        text = (tmp_path / dataset).read_text()
        for word in ("mail.example", "canary", "P001"):
            assert word not in text, (dataset, word)


def test_s4_no_cell_is_a_formula(anna: Customer, products, export) -> None:
    products["rose"].title = '=HYPERLINK("https://evil.example")'
    products["rose"].save()
    acts(anna, products["rose"], "ordered")
    assert export("orders")[0]["order_id"] == "'=1+1"
    title = next(row["title"] for row in export("products") if row["sku"] == "rose")
    assert title.startswith("'=")


def test_a_span_begins_with_its_first_moment_and_ends_before_its_last(
    anna: Customer, products, export
) -> None:
    for n in range(4):
        acts(anna, products["rose"], "ordered", at=NOW + timedelta(days=n))
    rows = export("orders", since=NOW + timedelta(days=1), until=NOW + timedelta(days=3))
    assert sorted(row["occurred_at"] for row in rows) == ["2026-11-25T12:00:00Z", "2026-11-26T12:00:00Z"]


def test_pages_leave_no_row_out_and_tell_none_twice(anna: Customer, products, export, monkeypatch) -> None:
    for n in range(7):
        acts(anna, products["rose"], "ordered", at=NOW + timedelta(days=n))
    whole = export("orders")
    monkeypatch.setattr(datasets, "PAGE", 3)
    again = export("orders")
    assert len({row["id"] for row in again}) == len(again) == 7
    assert {row["id"] for row in again} == {row["id"] for row in whole}


def test_a_segment_that_may_not_be_asked_is_left_out(anna: Customer, export) -> None:
    Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    Segment.objects.create(slug="bad", name="Bad", rule={"nonsense": 1})
    assert [(row["segment"], row["customer"]) for row in export("members")] == [("all", "anna")]


def test_memory_is_flat_over_ten_times_the_rows(anna: Customer, products) -> None:
    """Peak of what Python and Arrow hold while 4,000 and then 40,000 orders are written, 500 a page."""

    class Nowhere(io.RawIOBase):
        place = 0

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.place += len(data)
            return len(data)

        def tell(self) -> int:
            return self.place

    def peak(form: str) -> int:
        beside: list[int] = []
        tracemalloc.start()
        exports.write(
            DATASETS["orders"],
            Nowhere(),
            form=form,
            span=Span(NOW),
            tell=lambda _n: beside.append(pa.total_allocated_bytes()),
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found + max(beside)

    forms = ("csv", "csv.gz", "parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "PAGE", 500)
        patch.setattr("campaigns.exports.parquet_file.ROW_GROUP", 2000)
        some(anna, products["rose"], 4000)
        for form in forms:
            peak(form)  # what is loaded once
        few = [peak(form) for form in forms]
        some(anna, products["rose"], 36_000, first=4000)
        many = [peak(form) for form in forms]
    assert all(large < 1.5 * small for small, large in zip(few, many, strict=True)), (few, many)


def some(customer: Customer, product: Product, count: int, *, first: int = 0) -> None:
    Event.objects.bulk_create(
        (
            Event(
                customer=customer, type="ordered", product=product, value=1, currency="EUR", occurred_at=NOW,
                received_at=NOW, source="s", message_id=f"n{n}", order_id=f"o{n}", basis="contract",
            )
            for n in range(first, first + count)
        ),
        batch_size=1000,
    )  # fmt: skip


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_file_for_its_owner_alone_and_notes_it(
    anna: Customer, products, tmp_path: Path
) -> None:
    acts(anna, products["rose"], "ordered")
    said = io.StringIO()
    path = tmp_path / "orders.parquet"
    call_command("export_data", "orders", str(path), format="parquet", json=True, stdout=said)
    assert json.loads(said.getvalue()) == {
        "set": "orders", "format": "parquet", "rows": 1, "bytes": path.stat().st_size,
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o600
    row = Export.objects.get()
    assert (row.dataset, row.rows, row.state, row.requested_by) == ("orders", 1, "done", "command line")
    assert row.expires_at is None, "its file is not ours to give or delete"


@pytest.mark.parametrize(
    "bad",
    [
        ["orders", "no/such/folder/x.csv"],
        ["orders", "x.csv", "--since", "2026-11-02", "--until", "2026-11-01"],
        ["members", "x.csv", "--since", "2026-11-02"],
        ["orders", "x.csv", "--since", "soon"],
        ["nothing", "x.csv"],
    ],
)
def test_bad_input_leaves_no_file_and_no_row(db: None, tmp_path: Path, monkeypatch, bad: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError):
        call_command("export_data", *bad)
    assert list(tmp_path.iterdir()) == []
    assert not Export.objects.exists()


def test_a_writer_that_fails_leaves_the_older_file_as_it_was(
    anna: Customer, products, tmp_path: Path, monkeypatch
) -> None:
    acts(anna, products["rose"], "ordered")
    path = tmp_path / "orders.csv"
    path.write_text("older")

    def full(_rows: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        exports.write_to(path, "orders", form="csv", at=NOW, tell=full)
    assert path.read_text() == "older"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.csv"]
    assert not Export.objects.exists()


def test_a_web_process_does_not_load_pyarrow() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import config.wsgi, sys; import config.urls; print('pyarrow' in sys.modules)"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "False"
