"""The door for people: profiles, events, consents."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import consent, identities, ledger
from customers.models import ConsentRecord, ConsentState, Customer, Event
from tests.conftest import Caller, person

pytestmark = pytest.mark.django_db
WHEN = "2026-11-01T10:00:00Z"


def event(n: int, **more: object) -> dict[str, object]:
    return {
        "message_id": f"m{n}",
        "customer": "anna",
        "type": "viewed",
        "sku": "rose",
        "occurred_at": WHEN,
        **more,
    }


def test_a_customer_is_put_patched_and_read(server: Caller) -> None:
    body = {"email": "Ada@Mail.example", "name": "Ada", "country": "de", "attributes": {"size": "M"}}
    made = server("PUT", "customers/ada", body)
    assert made.status == 201
    assert made.body["country"] == "DE"
    assert server("PATCH", "customers/ada", {"name": ""}).body["name"] == ""
    assert server("GET", "customers/ada").body == {
        "id": "ada",
        "email": "Ada@Mail.example",
        "phone": "",
        "name": "",
        "locale": "",
        "time_zone": "",
        "country": "DE",
        "attributes": {"size": "M"},
    }
    assert server("PATCH", "customers/nobody", {}).status == 404
    assert server("PUT", "customers/ada", {"time_zone": "Mars/Base"}).status == 400
    assert b"Ada" not in bytes(Customer.objects.get().sealed)


def test_bulk_is_all_or_none_and_its_queries_do_not_grow(server: Caller) -> None:
    bad = {"customers": [{"id": "a"}, {"id": "b", "email": "no address"}]}
    assert server("POST", "customers/bulk", bad).status == 400
    assert Customer.objects.count() == 0
    counts = []
    for size in (10, 200):
        body = {"customers": [{"id": f"c{size}-{n}", "email": f"c{n}@mail.example"} for n in range(size)]}
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert server("POST", "customers/bulk", body).body["created"] == size
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 200 / 30  # SQLite writes at least fifty rows a statement


def test_events_are_kept_once_and_refused_one_by_one(server: Caller, anna: Customer, boris: Customer) -> None:
    batch = [
        event(1),
        event(1),
        event(2, customer="boris"),
        event(3, customer="boris", type="ordered", value="9.90", currency="EUR", order_id="o1"),
        event(4, type="flew"),
        event(5, occurred_at="yesterday"),
        event(6, customer=None),
        event(7, occurred_at="2040-01-01T00:00:00Z"),
    ]
    answer = server("POST", "events", {"batch": batch})
    assert answer.status == 200
    assert (answer.body["accepted"], answer.body["duplicates"]) == (2, 1)
    assert {entry["message_id"]: entry["reason"] for entry in answer.body["refused"]} == {
        "m2": "no_consent:analytics",
        "m4": "invalid:type",
        "m5": "invalid:occurred_at",
        "m6": "no_customer",
        "m7": "in_the_future",
    }


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(server: Caller, anna: Customer) -> None:
    server("POST", "events", event(0))
    counts = []
    for size in (2, 500):
        batch = [event(1000 * size + n, sku=f"s{n % 5}") for n in range(size)]
        server("POST", "events", {"batch": batch[:1]})
        with CaptureQueriesContext(connection) as queries:
            server("POST", "events", {"batch": batch})
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 2
    assert counts[1] < 20


def test_one_sound_event_needs_no_batch_and_one_bad_event_is_400(server: Caller, anna: Customer) -> None:
    assert server("POST", "events", event(1)).body["accepted"] == 1
    assert server("POST", "events", event(2, type="flew")).status == 400


def test_a_browser_writes_for_its_visitor_and_its_proven_customer_only(
    browser, anna: Customer, boris: Customer
) -> None:
    batch = [event(1), event(2, customer="boris"), event(3, customer=None, anonymous_id="v1", type="ordered")]
    answer = browser("anna")("POST", "events", {"batch": batch})
    assert answer.body["accepted"] == 2
    assert answer.body["refused"] == [{"message_id": "m2", "reason": "customer_not_proven"}]


def test_an_event_with_both_ids_joins_the_visitor_s_past(server: Caller, anna: Customer) -> None:
    server("POST", "events", event(1, customer=None, anonymous_id="v1", type="ordered"))
    server("POST", "events", event(2, anonymous_id="v1"))
    assert Event.objects.filter(customer=anna).count() == 2


def test_c13_gpc_is_written_down_before_any_event_of_the_request(server: Caller, anna: Customer) -> None:
    for _ in range(2):
        answer = server("POST", "events", event(1), **{"Sec-GPC": "1"})
        assert answer.body["gpc"] == "honoured"
    assert not consent.verdicts([anna.pk], "personalization")[anna.pk].allowed
    signals = ConsentRecord.objects.filter(customer_id=anna.pk, method="Sec-GPC")
    assert signals.count() == 2  # one a purpose; a repeated signal adds nothing
    assert max(record.at for record in signals) <= Event.objects.get().received_at
    for value in ("0", "true", ""):
        assert "gpc" not in server("POST", "events", event(9), **{"Sec-GPC": value}).body


GRANT = {
    "purpose": "analytics",
    "granted": True,
    "notice": "analytics@1",
    "language": "en",
    "method": "checkbox",
    "source": "checkout",
}


def test_c5_a_grant_needs_its_evidence(server: Caller, boris: Customer) -> None:
    for missing in ({"notice": ""}, {"notice": "analytics@99"}, {"language": "xx"}):
        answer = server("POST", "customers/boris/consents", {**GRANT, **missing})
        assert (answer.status, answer.body["code"]) == (422, "no_evidence")
    assert server("POST", "customers/boris/consents", {**GRANT, "method": ""}).status == 400
    assert ConsentRecord.objects.count() == 0
    assert server("POST", "customers/boris/consents", GRANT).status == 201
    assert ConsentState.objects.get().granted


def test_history_receipt_and_current_answers_agree_with_the_ledger(server: Caller, boris: Customer) -> None:
    server("POST", "customers/boris/consents", GRANT)
    server("POST", "customers/boris/consents", {**GRANT, "granted": False, "notice": "", "language": ""})
    history = server("GET", "customers/boris/consents/history").body
    newest, oldest = history["results"]
    assert newest["previous_hash"] == oldest["hash"]
    assert (history["next"], history["previous"]) == (None, None)
    receipt = server("GET", f"customers/boris/consents/{oldest['record']}/receipt").body
    assert receipt["record"]["hash"] == oldest["hash"]
    assert receipt["text"] == "Remember what I look at in the shop"
    now = {row["purpose"]: row for row in server("GET", "customers/boris/consents").body}
    assert (now["analytics"]["granted"], now["analytics"]["reason"]) == (False, "refused")
    assert ledger.verify() is not None
    other = person("other")
    assert server("GET", f"customers/{other}/consents/{oldest['record']}/receipt").status == 404


def test_consents_in_bulk_are_all_or_none(server: Caller, boris: Customer) -> None:
    bad = {"answers": [{**GRANT, "customer": "boris"}, {**GRANT, "customer": "nobody"}]}
    assert server("POST", "consents/bulk", bad).status == 404
    assert ConsentRecord.objects.count() == 0
    good = {"answers": [{**GRANT, "customer": "boris"}]}
    assert server("POST", "consents/bulk", good).body == {"written": 1}
    assert identities.find(["boris"])


def test_purposes_are_told_with_their_texts_in_both_languages(server: Caller) -> None:
    rows = server("GET", "purposes").body
    assert {row["language"] for row in rows} == {"en", "zh-hans"}
    assert len(rows) == 12


def test_c8_a_question_by_mail_allows_nothing_until_it_is_answered(server: Caller, boris: Customer) -> None:
    body = {"purpose": "marketing_email", "source": "newsletter form"}
    asked = server("POST", "customers/boris/consents/ask", body)
    assert (asked.status, asked.body["asked_by_mail"]) == (202, False)
    assert not consent.verdicts([boris.pk], "marketing_email")[boris.pk].allowed
    assert server("POST", "customers/boris/consents/ask", {**body, "notice": "x@9"}).status == 422
    person("silent", email="")
    assert server("POST", "customers/silent/consents/ask", body).status == 422
