"""A shop of a size, for pages to be opened on: rows of everything (`tests.desk`), and of what grows very many more.

PostgreSQL only: a row that is there is copied by INSERT … SELECT over `generate_series`, with what differs said as SQL of
`n`, so a column that is added later needs nothing here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection, models

from campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignSegment,
    Code,
    Decision,
    Delivery,
    JourneyEntry,
    JourneyVisit,
    Message,
    Offer,
    Outcome,
    Redemption,
    Segment,
    WebhookMessage,
)
from catalog.models import Category, Product, Review
from customers.models import (
    ConsentRecord,
    ConsentState,
    Customer,
    Event,
    Identity,
    PersonKey,
    PrivacyRequest,
    ShopDelivery,
    Suppression,
)
from customers.purposes import PURPOSES
from recommender.models import ClusterMembership, Interest, Score, Shown
from tests import desk

Model = type[models.Model]
# n stands for the row's number, from 0.
YEAR = "now() - (n::bigint * 7919 % 31536000) * interval '1 second'"


@contextmanager
def _without_indexes(model: Model) -> Iterator[None]:
    indexes = list(model._meta.indexes)  # noqa: SLF001 - Django calls it public
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.remove_index(model, index)
    yield
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.add_index(model, index)


def many(model: Model, rows: int | str, **said: str) -> None:
    """So many more rows like the newest of the model, but for what is said; as if no trigger looked.

    rows : how many, or what they are made from, as SQL after FROM.
    """
    table, key = model._meta.db_table, model._meta.pk  # noqa: SLF001
    if isinstance(key, models.UUIDField):
        said = {key.column: "gen_random_uuid()"} | said
    columns = [f.column for f in model._meta.concrete_fields if f is not key or key.column in said]  # noqa: SLF001
    values = [said.get(column, f'one."{column}"') for column in columns]
    named = ", ".join(f'"{column}"' for column in columns)
    source = rows if isinstance(rows, str) else f"generate_series(0, {rows - 1}) AS n"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {table} ({named}) SELECT {', '.join(values)} "
            f"FROM (SELECT * FROM {table} ORDER BY {key.column} DESC LIMIT 1) AS one, {source}"
        )
        cursor.execute("SET session_replication_role = DEFAULT")


def newest(model: Model) -> int:
    return int(model._default_manager.order_by("-pk").values_list("pk", flat=True)[0])  # noqa: SLF001


def fill(*, people: int, events: int, campaigns: int, products: int = 50_000) -> None:
    """Each campaign reached a two-hundredth of the people; every tenth ordered afterwards."""
    call_command("migrate", verbosity=0)
    desk.staff()
    desk.measured(desk.shop(60))
    last = newest(Customer)

    person = f"{last + 1} + n::bigint * 7919 % {people}"
    many(PersonKey, people)
    many(
        Customer, people, external_id="'big-' || n", key_id="NULL", merged_into_id="NULL", email_index="md5('e' || n)",
        country="(ARRAY['DE', 'FR', 'IT', 'US', 'CN'])[1 + n % 5]", created_at=YEAR,
    )  # fmt: skip
    many(Identity, people, customer_id=f"{last + 1} + n", value="'big-' || n", kind="'customer'")
    for number, purpose in enumerate(PURPOSES):
        states = {"purpose": f"'{purpose}'", "granted": "n % 10 < 8", "at": YEAR}
        many(ConsentState, people, customer_id=f"{last + 1} + n", **states)
        many(
            ConsentRecord, people, customer_id=f"{last + 1} + n", sequence=str(number + 1), **states,
            hash="md5('a' || n) || md5('b' || n)",
        )  # fmt: skip
    _things(people, products)
    goods = Product.objects.order_by("pk").values_list("pk", flat=True)
    first_product = goods[goods.count() - products]
    kinds = "'viewed', 'viewed', 'viewed', 'searched', 'added', 'ordered'"
    with _without_indexes(Event):
        many(
            Event, events, customer_id=person, product_id=f"{first_product} + n::bigint * 31 % {products}",
            type=f"(ARRAY[{kinds}])[1 + n % 6]", message_id="'big-' || n", order_id="'big-' || n", occurred_at=YEAR,
            received_at=YEAR, basis="CASE WHEN n % 6 = 5 THEN 'contract' ELSE 'default' END",
        )  # fmt: skip
    _campaigns(people, campaigns, person)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _things(people: int, products: int) -> None:
    """What stands once a person, and what the catalogue holds."""
    last = newest(Customer) - people
    many(Category, 40, slug="'big-' || n", name="'Category ' || n")
    first = newest(Category) - 39
    many(
        Product, products, sku="'big-' || n", title="'Thing number ' || n", category_id=f"{first} + n % 40", created_at=YEAR,
        updated_at=YEAR,
    )  # fmt: skip
    many(Review, products, product_id=f"{newest(Product) - products + 1} + n", message_id="'big-' || n")
    theirs = f"{last + 1} + n"
    many(
        Interest, people, customer_id=theirs, category_id=f"{first} + n % 40", probability="(n % 100) / 100.0"
    )
    many(ClusterMembership, people, customer_id=theirs, cluster="n % 8")
    many(Score, people, customer_id=theirs, churn="(n % 100) / 100.0", purchase="(n % 77) / 77.0")
    many(Shown, people, customer_id=theirs, recommendation_id="gen_random_uuid()", at=YEAR)
    many(Suppression, people // 50, address_index="md5('a' || n) || md5('b' || n)")
    many(
        PrivacyRequest,
        people // 1000,
        customer_id=theirs,
        customer_number=theirs,
        proven_at=YEAR,
        asked_at=YEAR,
    )
    many(
        WebhookMessage, people // 4, customer_id=theirs, fact="'big-' || n", state="'sent'", occurred_at=YEAR
    )
    many(ShopDelivery, people // 10, number="'big-' || n", at=YEAR)


def _campaigns(people: int, campaigns: int, person: str) -> None:
    each = people // 200
    many(Segment, campaigns, slug="'big-' || n", name="'Segment ' || n")
    many(Message, campaigns, slug="'big-' || n", name="'Message ' || n")
    many(Offer, campaigns, slug="'big-' || n", title="'Offer ' || n", given=str(each))
    many(
        Campaign, campaigns, slug="'big-' || n", name="'Campaign ' || n", salt="md5(n || '')", created_at=YEAR, updated_at=YEAR,
        status="CASE WHEN n % 10 = 0 THEN 'running' ELSE 'finished' END", kind="'once'",
        message_id=f"{newest(Message) - campaigns + 1} + n",
    )  # fmt: skip
    last = newest(Campaign) - campaigns
    many(
        CampaignSegment,
        campaigns,
        campaign_id=f"{last + 1} + n",
        segment_id=f"{newest(Segment) - campaigns + 1} + n",
    )
    offers = newest(Offer) - campaigns
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {CampaignSegment.offers.through._meta.db_table} (campaignsegment_id, offer_id) "  # noqa: SLF001
            "SELECT s, o FROM generate_series(%s, %s) WITH ORDINALITY AS a(s, i) "
            "JOIN generate_series(%s, %s) WITH ORDINALITY AS b(o, i) USING (i)",
            [newest(CampaignSegment) - campaigns + 1, newest(CampaignSegment), offers + 1, newest(Offer)],
        )
    many(CampaignRun, campaigns, campaign_id=f"{last + 1} + n", due_at=YEAR, planned_at=YEAR)
    runs, all_ = newest(CampaignRun) - campaigns, campaigns * each
    of_campaign = f"(n % {campaigns})"
    many(
        Code, all_, value="'BIG' || n", customer_id=person, offer_id=f"{offers + 1} + {of_campaign}", state="'assigned'",
        batch_id="NULL", assigned_at=YEAR,
    )  # fmt: skip
    codes = newest(Code) - all_
    many(
        Decision, all_, campaign_id=f"{last + 1} + {of_campaign}", entry_id="NULL",
        run_id=f"{runs + 1} + {of_campaign}", customer_id=person, offer_id=f"{offers + 1} + {of_campaign}", code_id=f"{codes + 1} + n",
        arm="CASE WHEN n % 10 = 0 THEN 'control' ELSE 'treated' END", decided_at=YEAR, variant_id="NULL",
    )  # fmt: skip
    treated = f"campaigns_decision AS d WHERE d.campaign_id > {last} AND d.arm = 'treated'"
    many(
        Delivery, treated, decision_id="d.id", run_id="d.run_id", customer_id="d.customer_id", entry_id="NULL",
        status="'sent'", basis="d.basis", consent_record_id="d.consent_record_id", transmitting_at="d.decided_at",
        ended_at="d.decided_at",
    )  # fmt: skip
    many(
        Outcome, f"{treated} AND d.code_id % 10 = 1", decision_id="d.id", event_id=f"d.code_id - {codes} + {newest(Event)} - {all_}",
        kind="'ordered'", at="d.decided_at + interval '1 day'",
    )  # fmt: skip
    many(
        Redemption,
        all_ // 20,
        code_id=f"{codes + 1} + n::bigint * 20",
        customer_id=person,
        order_id="'big-' || n",
        at=YEAR,
    )
    entries = people // 5
    many(
        JourneyEntry,
        entries,
        customer_id=person,
        key="'big:' || n",
        entered_at=YEAR,
        wake_at="now() + interval '9 days'",
    )
    many(JourneyVisit, entries, entry_id=f"{newest(JourneyEntry) - entries + 1} + n", arrived_at=YEAR)
