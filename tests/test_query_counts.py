"""No query per row on the import, planning and delivery paths (the API's own are in each app's test_api)."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import delivery, outcomes
from campaigns.models import Delivery, Outcome
from customers import events
from customers.events import Incoming
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import people
from tests.campaigns.conftest import sink as sink
from tests.campaigns.test_planning_and_delivery import clock, planned
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
FORMATS = {
    "events-csv": ("customer,sku,event,value,occurred_at", "c{n},s{m},ordered,9.90,2026-01-02T10:00:00Z"),
    "products-csv": ("sku,title,price", "s{n},Thing {n},9.90"),
    "customers-csv": ("id,email,country", "c{n},c{n}@mail.example,DE"),
    "reviews-csv": ("customer,sku,rating,text", "c{n},s{m},5,Fine {n}"),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_an_import_s_queries_grow_by_pages_and_not_by_rows(kind: str, tmp_path: Path) -> None:
    head, row = FORMATS[kind]
    counts = []
    for size, start in ((100, 0), (900, 1000)):
        path = tmp_path / f"{size}.csv"
        path.write_text("\n".join([head, *(row.format(n=start + n, m=n % 7) for n in range(size))]) + "\n")
        with CaptureQueriesContext(connection) as queries:
            call_command("import_data", kind, str(path), verbosity=0)
        counts.append(len(queries))
    # Eight hundred rows more: the statements of more pages (SQLite holds 45 people a statement, in two passes).
    assert counts[1] - counts[0] <= 800 / 22, counts


def test_a_page_of_messages_is_read_at_once_and_each_costs_only_its_own_two_commits(campaign, sink) -> None:
    """The gate is asked and `transmitting` committed for each message alone: that is the point of no return."""
    people(30)
    planned(campaign())
    counts = []
    for size in (5, 15):
        with CaptureQueriesContext(connection) as queries:
            assert delivery.deliver_due(clock=clock, limit=size)["sent"] == size
        reads = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        counts.append((len(reads), len(queries)))
    per_message = (counts[1][1] - counts[0][1]) / 10
    assert per_message == int(per_message) <= 8, counts
    # What a message is made from is not read for each: no product, template, campaign or offer.
    with CaptureQueriesContext(connection) as queries:
        delivery.deliver_due(clock=clock, limit=10)
    for table in ("catalog_product", "campaigns_message", "campaigns_offer"):
        asked = [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"]]
        assert len(asked) <= 1, asked


def test_outcomes_are_credited_a_batch_at_a_time(campaign, sink) -> None:
    ids = people(40)
    planned(campaign())
    delivery.deliver_all(clock=clock)
    counts = []
    decisions = {row.customer_id: row.decision_id for row in Delivery.objects.all()}
    for start, end in ((0, 5), (5, 40)):
        clicks = [
            Incoming(
                message_id=f"k{n}",
                type="clicked",
                customer=f"c{n:03}",
                occurred_at=NOW,
                context={"decision": str(decisions[ids[n]]), "url": "https://shop.example/"},
            )
            for n in range(start, end)
        ]
        events.take_in(clicks, source="t", at=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert outcomes.credit_all(at=NOW) == end - start
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Outcome.objects.count() == 40
