"""The door of the consent widget: C5, C9, and what other sites may call."""

import hashlib
from typing import Any

import pytest
from django.test import Client

from customers import consent, identities
from customers.access import create_key
from customers.models import ConsentRecord, ConsentState, Customer, Identity, Notice
from customers.purposes import PURPOSES
from tests.conftest import NOW, Caller

pytestmark = pytest.mark.django_db


def body(**changes: Any) -> dict[str, Any]:
    answer = {"purpose": "analytics", "granted": True, "notice": "analytics@1", "language": "en"}
    return {"anonymous_id": "v1", "answers": [answer | changes], "source": "shop.example/"}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_words_come_with_their_versions_and_hashes(browser, language: str) -> None:
    answer = browser("")("GET", f"notices?language={language}")
    assert answer.status == 200
    rows = answer.body["notices"]
    assert [row["purpose"] for row in rows] == list(PURPOSES)
    for row in [*rows, answer.body["soft_opt_in"]]:
        assert row["sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
        assert row["language"] == language
    assert answer.body["gpc"] == ["personalization", "partner_sharing"]
    assert browser("")("GET", "notices?language=de").status == 400
    for code, text in (("en", "New"), ("zh-hans", "新")):
        Notice.objects.create(
            slug="shop", version=7, language=code, purpose="analytics", text=text, sha256="0" * 64
        )
    (row,) = [
        row for row in browser("")("GET", f"notices?language={language}").body["notices"]
        if row["purpose"] == "analytics"
    ]  # fmt: skip
    assert row["notice"] == "shop@7"


def test_c5_a_visitor_s_answer_is_written_with_its_evidence(browser) -> None:
    answer = browser("")("POST", "consents", body())
    assert (answer.status, answer.body) == (201, {"written": 1})
    row = ConsentRecord.objects.get()
    assert (row.granted, row.notice, row.language, row.method, row.source, row.actor) == (
        True, "analytics@1", "en", "consent widget", "shop.example/", "visitor",
    )  # fmt: skip
    visitor = Identity.objects.get(kind="anonymous", value="v1").customer
    assert consent.verdicts([visitor.pk], "analytics")[visitor.pk].allowed


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"notice": ""}, 422),
        ({"notice": "analytics@9"}, 422),
        ({"notice": "marketing_email@1"}, 422),
        ({"language": "de"}, 422),
        ({"sha256": "0" * 64}, 422),
        ({"sha256": "x"}, 400),
        ({"purpose": "soft_opt_in", "notice": "soft_opt_in@1"}, 400),
        ({"purpose": "world_domination"}, 400),
    ],
)
def test_c5_a_yes_without_its_proof_is_refused_and_nothing_is_written(
    browser, changes: dict[str, str], status: int
) -> None:
    sent = body(**changes)
    sent["answers"].append({"purpose": "personalization", "granted": False})
    assert browser("")("POST", "consents", sent).status == status
    assert not ConsentState.objects.exists()


def test_a_no_needs_no_proof(browser) -> None:
    sent = {
        "anonymous_id": "v1",
        "answers": [{"purpose": "analytics", "granted": False}],
        "source": "s",
    }
    assert browser("")("POST", "consents", sent).status == 201
    assert not ConsentState.objects.get().granted


@pytest.mark.parametrize("granted", [True, False])
def test_c9_a_known_person_s_answer_is_never_written_by_a_visitor_s_id(
    browser, anna: Customer, granted: bool
) -> None:
    browser("")("POST", "consents", body())
    identities.identify("v1", "anna", at=NOW)  # the visitor is Anna
    before = ConsentRecord.objects.count()
    for key in (browser(""), browser("boris")):
        answer = key("POST", "consents", body(granted=granted))
        assert (answer.status, answer.body["code"]) == (403, "forbidden")
    assert ConsentRecord.objects.count() == before


def test_c9_a_visitor_who_gave_their_name_is_known(browser, db: None) -> None:
    browser("")("POST", "consents", body())
    identities.identify("v1", "newcomer", at=NOW)
    assert browser("")("POST", "consents", body(granted=False)).status == 403


def test_c9_the_id_of_a_customer_is_no_visitor_s(browser, anna: Customer) -> None:
    sent = body() | {"anonymous_id": "anna"}
    assert browser("")("POST", "consents", sent).status == 201
    visitor = Identity.objects.get(kind="anonymous", value="anna").customer_id
    assert visitor != anna.pk
    assert ConsentRecord.objects.latest("pk").customer_id == visitor


def test_c10_what_a_visitor_refused_holds_when_they_say_who_they_are(browser, anna: Customer) -> None:
    browser("")("POST", "consents", body(granted=False))
    assert consent.verdicts([anna.pk], "analytics")[anna.pk].allowed
    identities.identify("v1", "anna", at=NOW)
    assert not consent.verdicts([anna.pk], "analytics")[anna.pk].allowed


@pytest.mark.parametrize(
    "path",
    [
        "notices",
        "consents",
        "events",
        "customers/anna/consents",
        "products",
        "recommendations",
        "offers",
        "rank",
    ],
)
def test_a_page_of_another_site_may_ask_these_doors(client: Client, path: str) -> None:
    asked = client.options(
        f"/api/v1/{path}",
        headers={"origin": "https://shop.example", "access-control-request-method": "POST"},
    )
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    allowed = set(asked.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "X-Customer-Token",
        "X-Retry-Count",
    }
    assert "Access-Control-Allow-Credentials" not in asked.headers, "no cookie ever opens a door"
    refused = client.post(f"/api/v1/{path}", "{}", content_type="application/json")
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "*", "a page can read why"


def test_other_doors_stay_shut_for_other_sites(client: Client, server: Caller) -> None:
    assert "Access-Control-Allow-Origin" not in server("GET", "customers/anna").headers
    asked = client.options(
        "/api/v1/customers/bulk",
        headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
    )
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_a_key_without_the_scope_neither_asks_nor_writes(client: Client) -> None:
    caller = Caller(client, create_key("publishable", scopes=["events:write"])[1])
    assert caller("GET", "notices").status == 403
    assert caller("POST", "consents", body()).status == 403
    assert not ConsentRecord.objects.exists()
