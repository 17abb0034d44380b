"""A person's rights: D1, D2, C9, L4, S1, S4."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from campaigns import webhooks
from campaigns.models import (
    Bounce,
    Campaign,
    CampaignRun,
    Code,
    CodeMisuse,
    Decision,
    Delivery,
    JourneyEntry,
    JourneyVersion,
    JourneyVisit,
    Offer,
    Outcome,
    Redemption,
    UpliftScore,
    WebhookMessage,
)
from catalog.models import Category, Product, Review
from customers import consent, encryption, events, exports, identities, ledger, links, optin, privacy
from customers.events import Incoming
from customers.models import (
    ConsentRecord,
    ConsentState,
    ContactChoice,
    Customer,
    Event,
    FormerLaw,
    IdempotentReply,
    Identity,
    PersonKey,
    PrivacyRequest,
    SoftOptIn,
    Suppression,
    Topic,
)
from customers.purposes import PURPOSES
from recommender.models import ClusterMembership, Interest, ModelVersion, RefusedInterest, Score, Shown
from tests.conftest import NOW, evidence, person

pytestmark = pytest.mark.django_db

# Every model with a path to a person, and what erasure does to its rows. Whoever adds one says so here.
DELETED = {
    "campaigns.Bounce",
    "campaigns.Decision",
    "campaigns.Delivery",
    "campaigns.JourneyEntry",
    "campaigns.JourneyVisit",
    "campaigns.Outcome",
    "campaigns.UpliftScore",
    "campaigns.WebhookMessage",
    "catalog.Review",
    "customers.ConsentState",
    "customers.ContactChoice",
    "customers.ContactChoice_left_topics",
    "customers.Event",
    "customers.FormerLaw",
    "customers.Identity",
    "customers.PendingConsent",
    "customers.SoftOptIn",
    "recommender.ClusterMembership",
    "recommender.Interest",
    "recommender.RefusedInterest",
    "recommender.Shown",
    "recommender.Score",
}
LET_GO = {"campaigns.Code", "campaigns.CodeMisuse", "campaigns.Redemption", "customers.PrivacyRequest"}
KEPT = {"customers.ConsentRecord", "customers.Customer"}

CANARIES = ("canary@secret.example", "Canary Byrd", "+49305550199", "canary-id", "canary-visitor", "Canaria")
CANARY_FORMS = [form for word in CANARIES for form in (word, word.casefold(), json.dumps(word)[1:-1])]


@pytest.fixture
def canary(products: dict[str, Product]) -> Customer:
    """Someone with a row in every table a person can have a row in."""
    profile = identities.Profile(
        id="canary-id",
        email="canary@secret.example",
        phone="+49305550199",
        name="Canary Byrd",
        country="DE",
        locale="en",
        time_zone="Europe/Berlin",
        attributes={"town": "Canaria"},
    )
    identities.save_profiles([profile])
    identities.identify("canary-visitor", "canary-id", at=NOW)
    customer = Customer.objects.select_related("key").get(external_id="canary-id")
    for purpose in PURPOSES:
        if purpose != "marketing_sms":
            consent.give(customer.pk, purpose, evidence=evidence(purpose), at=NOW - timedelta(days=9))
    events.take_in(
        [
            Incoming(message_id=f"e{n}", type=kind, customer="canary-id", sku="rose", occurred_at=NOW,
                     context={"note": "for Canary Byrd"}, order_id="o-1" if kind == "ordered" else "",
                     value=Decimal("12.50") if kind == "ordered" else None)
            for n, kind in enumerate(("viewed", "ordered", "clicked"))
        ],
        source="tests",
        at=NOW,
    )  # fmt: skip
    optin.ask(customer, "marketing_sms", source="form", at=NOW)
    Review.objects.create(
        product=products["rose"],
        author_id=customer.pk,
        source="tests",
        message_id="r",
        text="Canary Byrd was here",
    )
    model = ModelVersion.objects.create(
        task="interests",
        algorithm="interest",
        state="live",
        file="f",
        sha256="0",
        people=1,
        interactions=1,
        trained_until=NOW,
    )
    Interest.objects.create(
        customer=customer, category=Category.objects.get(name="Garden"), probability=0.8, model=model
    )
    ClusterMembership.objects.create(customer=customer, cluster=1, model=model)
    Shown.objects.create(
        recommendation_id=uuid4(), customer=customer, placement="home", model=model, basis="default",
        items=[{"sku": "rose", "propensity": None, "promotion": ""}], at=NOW,
    )  # fmt: skip
    Score.objects.create(customer=customer, purchase=0.4, model=model)
    offer = Offer.objects.create(slug="spring", title="Spring", benefit="percent", value=10)
    code = Code.objects.create(offer=offer, value="SPRING-1", state="redeemed", customer=customer)
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    run = CampaignRun.objects.create(campaign=campaign, due_at=NOW)
    decision = Decision.objects.create(
        campaign=campaign, run=run, customer=customer, placement="email", offer=offer, code=code, skus=["rose"],
        model=model, purpose="marketing_email", basis="default", decided_at=NOW,
    )  # fmt: skip
    delivery = Delivery.objects.create(
        decision=decision, run=run, customer=customer, channel="email", status="failed", not_before=NOW,
        detail="550 <canary@secret.example> unknown",
    )  # fmt: skip
    Bounce.objects.create(
        key="b",
        source="dsn",
        kind="hard",
        delivery=delivery,
        detail="<canary@secret.example> unknown",
        at=NOW,
    )
    version = JourneyVersion.objects.create(campaign=campaign, number=1, definition={})
    entry = JourneyEntry.objects.create(
        campaign=campaign, version=version, customer=customer, key="1", step="wait", entered_at=NOW,
        cause={"skus": ["rose"]},
    )  # fmt: skip
    JourneyVisit.objects.create(entry=entry, step="wait", arrived_at=NOW)
    CodeMisuse.objects.create(code=code, kind="refused", customer=customer, order_id="o-2", at=NOW)
    UpliftScore.objects.create(campaign=campaign, customer=customer, effect=0.4)
    garden = Category.objects.get(name="Garden")
    RefusedInterest.objects.create(customer=customer, category=garden, at=NOW)
    SoftOptIn.objects.create(
        customer=customer, category=garden, order_id="o-1", notice="soft@1", notice_sha256="0" * 64, language="en",
        at=NOW,
    )  # fmt: skip
    FormerLaw.objects.create(customer=customer, jurisdiction="UK", until=NOW)
    topic = Topic.objects.create(slug="garden", title="Garden")
    ContactChoice.objects.create(customer=customer, frequency="weekly").left_topics.add(topic)
    PrivacyRequest.objects.create(
        customer=customer, customer_number=customer.pk, type="rectification", source="page", asked_at=NOW, due_at=NOW,
        sealed=encryption.seal(customer.key, {"name": "Canary Byrd"}), why="Canary Byrd asks too often",
        extended_reason="For Canary Byrd's letters", steps=[{"store": "identity", "what": "proven by hand: Canary Byrd"}],
    )  # fmt: skip
    Outcome.objects.create(
        decision=decision, event=Event.objects.get(message_id="e2"), kind="clicked", at=NOW
    )
    Redemption.objects.create(
        code=code, customer=customer, order_id="o-1", amount=12, discount=1, currency="EUR", at=NOW
    )
    IdempotentReply.objects.create(
        scope="s", key="k", payload_sha256="0", status=200, body=b'{"email":"canary@secret.example"}'
    )
    LogEntry.objects.create(
        user=User.objects.create(username="staff"), content_type=ContentType.objects.get_for_model(Customer),
        object_id=str(customer.pk), object_repr="canary-id", action_flag=CHANGE, change_message="Canary Byrd",
    )  # fmt: skip
    endpoint = webhooks.make(
        name="Shop", url="https://shop.example/", types=["code.redeemed"], receiver="own", by="tests"
    ).endpoint
    WebhookMessage.objects.create(
        endpoint=endpoint, type="code.redeemed", fact="1", customer=customer, not_before=NOW, occurred_at=NOW,
        gathered_at=NOW,
    )  # fmt: skip
    return customer


def export(customer: Customer, *, at) -> Any:
    return json.loads(b"".join(exports.as_json(customer, at=at)))


def values_of_every_table() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    if isinstance(value, bytes | memoryview):
                        yield table, bytes(value).decode("utf-8", "replace")
                    else:
                        yield table, str(value)


def test_d1_a_model_with_a_path_to_a_person_is_named_here_or_fails() -> None:
    assert {model._meta.label for model in privacy.trails()} == DELETED | LET_GO | KEPT


def test_d1_a_number_of_a_customer_in_a_plain_column_is_registered() -> None:
    suspicious = {
        model
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if column.name.removesuffix("_id") in {"customer", "author", "person", "user_id", "visitor"}
        and not column.is_relation
    }
    assert suspicious == set(privacy.NUMBERED)


def test_d1_no_foreign_key_to_a_customer_stands_in_the_way_of_erasure() -> None:
    for relation in Customer._meta.related_objects:
        assert relation.on_delete in (models.CASCADE, models.SET_NULL), relation


def test_d1_the_export_holds_every_kind_and_what_is_in_it(canary: Customer) -> None:
    exported = export(canary, at=NOW)
    assert set(exported["records"]) == (DELETED | LET_GO | KEPT) - {"customers.Customer"} | {"admin.LogEntry"}
    for label, entries in exported["records"].items():
        assert entries, label
    assert exported["person"]["email"] == "canary@secret.example"
    assert exported["person"]["attributes"] == {"town": "Canaria"}
    assert exported["allowed"]["analytics"] is True
    assert exported["allowed"]["marketing_sms"] is False
    assert {event["type"] for event in exported["records"]["customers.Event"]} == {
        "viewed",
        "ordered",
        "clicked",
    }
    assert exported["records"]["recommender.Interest"][0]["category"] == "Garden"
    record = exported["records"]["customers.ConsentRecord"][0]
    assert (record["notice"], len(record["hash"])) == ("analytics@1", 64)


def test_d1_no_key_and_no_fingerprint_leaves_with_the_export(canary: Customer) -> None:
    text = json.dumps(export(canary, at=NOW), default=str)
    assert canary.email_index not in text
    assert str(canary.key_id) not in text
    assert "token_hash" not in text


def test_s1_the_export_of_one_holds_nothing_of_another(canary: Customer, anna: Customer) -> None:
    text = json.dumps(export(anna, at=NOW), default=str)
    assert not any(word in text for word in CANARIES)


def test_an_export_asks_no_query_a_row(canary: Customer, django_assert_max_num_queries) -> None:
    many = [
        Incoming(message_id=f"m{n}", type="viewed", customer="canary-id", sku="rose", occurred_at=NOW)
        for n in range(100)
    ]
    events.take_in(many, source="tests", at=NOW)
    with django_assert_max_num_queries(80):
        export(canary, at=NOW)


def test_what_was_merged_in_is_exported_and_erased_with_the_person(anna: Customer, boris: Customer) -> None:
    identities.merge(anna.pk, boris.pk, actor="tests", at=NOW)
    assert len(export(anna, at=NOW)["records"]["customers.Identity"]) == 2
    privacy.erase(anna.pk, actor="tests", at=NOW)
    assert not PersonKey.objects.exists()
    assert not Customer.objects.filter(erased_at__isnull=True).exists()


def test_s4_no_cell_of_the_table_is_a_formula(canary: Customer) -> None:
    identities.save_profiles(
        [identities.Profile(id="canary-id", name="=HYPERLINK(1)", attributes={"x": "@SUM"})]
    )
    canary.refresh_from_db()
    rows = list(csv.reader(io.StringIO(b"".join(exports.as_table(canary, at=NOW)).decode())))
    assert rows[0] == ["kind", "row", "field", "value"]
    assert ["person", "1", "name", "'=HYPERLINK(1)"] in rows
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)


def test_d2_after_erasure_no_table_holds_anything_of_the_person(canary: Customer) -> None:
    token = links.preferences_url(canary)
    before = {word for _table, text in values_of_every_table() for word in CANARY_FORMS if word in text}
    assert before >= {"canary@secret.example", "Canary Byrd", "canary-id", "canary-visitor", "Canaria"}
    index, phone_index = canary.email_index, canary.phone_index
    privacy.erase(canary.pk, actor="customer", at=timezone.now())
    found = {
        (table, word)
        for table, text in values_of_every_table()
        for word in (*CANARY_FORMS, index, phone_index)
        if word in text
    }
    assert found == set()
    assert token not in str(found)


def test_d2_every_row_is_gone_or_has_let_go(canary: Customer) -> None:
    done = privacy.erase(canary.pk, actor="customer", at=timezone.now())
    assert set(done.deleted) == DELETED
    assert done.let_go == dict.fromkeys(LET_GO, 1)
    for model in privacy.trails():
        left = privacy.rows(model, [canary.pk]).count()
        assert bool(left) == (model._meta.label in KEPT), model
    row = Customer.objects.get(pk=canary.pk)
    assert (row.key, bytes(row.sealed), row.external_id, row.attributes) == (None, b"", None, {})
    assert row.erased_at is not None


def test_l4_the_ledger_still_verifies_and_every_answer_of_it_is_no(canary: Customer, anna: Customer) -> None:
    privacy.erase(canary.pk, actor="customer", at=timezone.now())
    assert ledger.verify().faults == ()
    assert ConsentRecord.objects.filter(customer_id=canary.pk).count() >= len(PURPOSES)
    newest = {
        r.purpose: r.granted for r in ConsentRecord.objects.filter(customer_id=canary.pk).order_by("sequence")
    }
    assert not any(newest.values())
    assert ConsentState.objects.filter(customer=anna, granted=True).count() == len(PURPOSES)


def test_nobody_else_is_touched(canary: Customer, anna: Customer) -> None:
    events.take_in(
        [Incoming(message_id="a", type="viewed", customer="anna", sku="rose", occurred_at=NOW)],
        source="tests",
        at=NOW,
    )
    privacy.erase(canary.pk, actor="customer", at=timezone.now())
    anna.refresh_from_db()
    assert encryption.unseal(anna)["email"] == "anna@mail.example"
    assert Event.objects.filter(customer=anna).count() == 1
    assert Product.objects.filter(sku="rose").exists()


def test_erasing_twice_is_refused_and_writes_nothing(canary: Customer) -> None:
    privacy.erase(canary.pk, actor="customer", at=timezone.now())
    before = ConsentRecord.objects.count()
    with pytest.raises(privacy.NobodyToErase):
        privacy.erase(canary.pk, actor="customer", at=timezone.now())
    assert ConsentRecord.objects.count() == before


def test_c9_a_refusal_outlives_erasure_and_re_import(clara: Customer) -> None:
    index = clara.email_index
    privacy.erase(clara.pk, actor="customer", at=timezone.now())
    kept = Suppression.objects.get(channel="email", address_index=index)
    assert kept.reason == "unsubscribed"
    again = person("clara", email="CLARA@mail.example")
    assert again.email_index == kept.address_index


def test_c9_who_refused_nothing_leaves_no_fingerprint(anna: Customer) -> None:
    privacy.erase(anna.pk, actor="customer", at=timezone.now())
    assert not Suppression.objects.exists()


def test_c9_an_address_that_was_suppressed_stays_so_with_its_reason(anna: Customer) -> None:
    Suppression.objects.create(channel="email", address_index=anna.email_index, reason="hard_bounce")
    privacy.erase(anna.pk, actor="customer", at=timezone.now())
    assert Suppression.objects.get().reason == "hard_bounce"


def test_the_same_id_may_come_back_as_a_stranger(canary: Customer) -> None:
    privacy.erase(canary.pk, actor="customer", at=timezone.now())
    fresh = person("canary-id")
    assert fresh.pk != canary.pk
    assert not consent.permitted("analytics").filter(pk=fresh.pk).exists()
    assert Identity.objects.get(value="canary-id").customer_id == fresh.pk


# --- the pages ---------------------------------------------------------------------------------------------


def address(customer: Customer, page: str = "") -> str:
    return urlsplit(links.preferences_url(customer)).path.replace("/preferences/", "/privacy/") + page


def test_the_page_shows_what_is_held(canary: Customer, client: Client) -> None:
    identities.save_profiles([identities.Profile(id="canary-id", attributes={"items": 3})])
    text = client.get(address(canary)).content.decode()
    for word in ("Canary Byrd", "canary@secret.example", "Canaria", "events"):
        assert word in text


def test_d1_the_download_is_the_export_as_a_file_nobody_keeps(canary: Customer, client: Client) -> None:
    answer = client.get(address(canary, "download"))
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer["Cache-Control"] == "no-store"
    assert set(json.loads(answer.getvalue())["records"]) == set(export(canary, at=NOW)["records"])
    table = client.get(address(canary, "download") + "?format=csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert "Canary Byrd" in table.getvalue().decode()


def test_the_warning_names_what_goes_and_not_what_stays(canary: Customer, client: Client) -> None:
    assert {model._meta.label for model in privacy.outliving()} == LET_GO | KEPT
    text = client.get(address(canary, "erase")).content.decode()
    assert "events" in text
    assert "consent ledger" not in text


@pytest.mark.parametrize("page", ["", "download", "erase"])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_u2_looking_erases_nothing(canary: Customer, client: Client, page: str, method: str) -> None:
    answer = getattr(client, method)(address(canary, page))
    assert answer.status_code == 200
    assert not answer.cookies
    assert Customer.objects.get(pk=canary.pk).erased_at is None


def test_d2_a_post_asks_once_more_the_second_erases_and_the_address_is_dead_afterwards(
    canary: Customer,
) -> None:
    client = Client(enforce_csrf_checks=True)
    path = address(canary, "erase")
    assert b"This cannot be undone." in client.get(path).content
    assert b"This is the last question." in client.post(path).content
    assert Customer.objects.get(pk=canary.pk).erased_at is None
    answer = client.post(path, {"sure": "yes"})
    assert answer.status_code == 200
    assert not answer.cookies
    assert Customer.objects.get(pk=canary.pk).erased_at is not None
    for dead in (path, address(canary), address(canary, "download")):
        assert client.get(dead).status_code == 404
    assert client.post(path).status_code == 404


@pytest.mark.parametrize("page", ["", "download", "erase"])
def test_s1_a_wrong_or_other_token_opens_nothing(anna: Customer, client: Client, page: str) -> None:
    other = urlsplit(links.unsubscribe_url(anna, "analytics")).path.split("/")[2]
    for token in ("x", other):
        assert client.get(f"/privacy/{token}/{page}").status_code == 404
    assert client.post(f"/privacy/{other}/erase").status_code == 404
    assert Customer.objects.get(pk=anna.pk).erased_at is None


# --- the commands ------------------------------------------------------------------------------------------


def test_export_person_writes_json_or_a_table(canary: Customer, tmp_path: Path, capsys) -> None:
    call_command("export_person", "canary-id")
    assert json.loads(capsys.readouterr().out)["person"]["name"] == "Canary Byrd"
    call_command("export_person", "canary-id", "--output", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text().startswith("kind,row,field,value")
    with pytest.raises(CommandError, match="There is no customer 'nobody'"):
        call_command("export_person", "nobody")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_person", "canary-id", "--output", str(tmp_path / "no" / "a.json"))


def test_forget_erases_only_when_told_so(canary: Customer, capsys, monkeypatch) -> None:
    with pytest.raises(CommandError, match="say --yes"):
        call_command("forget", "canary-id")
    assert Customer.objects.get(pk=canary.pk).erased_at is None
    call_command("forget", "canary-id", "--yes", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert answer["people"] == 1
    assert answer["deleted"]["customers.Event"] == 3
    with pytest.raises(CommandError, match="There is no customer"):
        call_command("forget", "canary-id", "--yes")
