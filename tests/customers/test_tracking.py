"""The Segment-compatible door, request by request, as `shared` facts of the field say clients send them."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.imports import ProductInput, save_products
from catalog.models import Product
from customers import consent, encryption, identities, purposes, tracked, tracking
from customers.access import create_key, customer_token
from customers.models import ConsentRecord, ConsentState, Customer, Event, Identity
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
VIEW = {
    "event": "Product Viewed",
    "userId": "anna",
    "messageId": "m1",
    "timestamp": "2026-11-01T10:00:00Z",
    "properties": {"product_id": "rose", "name": "Rose", "price": 4.5},
}
Send = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def key(db: None) -> str:
    return create_key("secret")[1]


@pytest.fixture
def send(client: Client, key: str) -> Send:
    """A client that puts its key into the body, as Segment's Python library does."""

    def call(path: str, body: dict[str, Any], *, of: str = key, **headers: str) -> tuple[int, dict[str, Any]]:
        content = json.dumps({**body, "writeKey": of} if of else body)
        answer = client.post(f"/v1/{path}", content, content_type="application/json", headers=headers)
        return answer.status_code, json.loads(answer.content)

    return call


@pytest.fixture
def public(db: None) -> str:
    return create_key("publishable")[1]


# --- who sends ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["track", "t", "track/"])
def test_a_track_call_is_one_event(send: Send, anna: Customer, path: str) -> None:
    assert send(path, VIEW) == (200, {"success": True, "accepted": 1, "duplicates": 0, "refused": []})
    assert send(path, VIEW)[1]["duplicates"] == 1
    event = Event.objects.select_related("product").get()
    assert (event.customer, event.type, event.source) == (anna, "viewed", "segment:secret")
    assert (event.product.sku, event.value, event.context) == ("rose", Decimal("4.50"), {})


def test_every_way_to_send_the_key_is_taken(client: Client, key: str, anna: Customer) -> None:
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for n, header in enumerate((f"Basic {basic}", f"Bearer {key}", f"basic {basic}")):
        answer = client.post(
            "/v1/track",
            json.dumps(VIEW | {"messageId": f"m{n}"}),
            content_type="text/plain;charset=UTF-8",  # as the browser's library says
            headers={"Authorization": header},
        )
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    # An OAuth bearer of another system beside the key in the body.
    body = json.dumps(VIEW | {"writeKey": key, "messageId": "m9"})
    answer = client.post(
        "/v1/track", body, content_type="text/plain", headers={"Authorization": "Bearer eyJ0"}
    )
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("track", {}, {"Authorization": "Basic !!"}, 401, "unauthenticated"),
        ("track", VIEW, {}, 401, "unauthenticated"),
        ("track", VIEW | {"writeKey": "sk_wrong"}, {}, 401, "unauthenticated"),
        ("track", VIEW | {"writeKey": 5}, {}, 401, "unauthenticated"),
        ("fly", VIEW, {}, 404, "not_found"),
    ],
)
def test_every_error_has_a_code_and_a_message(
    client: Client, path: str, body: dict[str, Any], headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(f"/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message"} and answer.json()["message"].endswith(".")
    assert not Event.objects.exists()


def test_a_key_needs_its_scope(send: Send) -> None:
    narrow = create_key("secret", scopes=["catalog:read"])[1]
    assert send("track", VIEW, of=narrow)[0] == 403
    writer = create_key("secret", scopes=["events:write"])[1]
    status, said = send("identify", {"userId": "anna", "messageId": "i1", "traits": {"name": "A"}}, of=writer)
    assert (status, said["refused"]) == (200, [{"message_id": "i1", "reason": "no_scope:customers:write"}])


def test_other_methods_and_the_browsers_question_before(client: Client) -> None:
    assert client.get("/v1/track").status_code == 405
    asked = client.options("/v1/t", headers={"Access-Control-Request-Method": "POST"})
    allowed = asked.headers["Access-Control-Allow-Headers"]
    assert asked.status_code == 204
    assert {"Authorization", "Content-Type", "X-Retry-Count"} <= set(allowed.split(", "))
    assert client.post("/v1/t", "", content_type="text/plain").headers["Access-Control-Allow-Origin"] == "*"


def test_requests_are_counted_by_key_and_told_when_to_come_again(
    client: Client, send: Send, key: str, settings
) -> None:
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE = 2
    assert [send("page", {"userId": "x"})[0] for _ in range(2)] == [200, 200]
    answer = client.post(
        "/v1/page", json.dumps({"userId": "x", "writeKey": key}), content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert int(answer.headers["X-RateLimit-Reset"]) % 60 == 0


def test_the_browsers_library_is_told_where_to_send(client: Client) -> None:
    said = client.get("/v1/projects/pk_x/settings").json()
    assert said["integrations"]["Segment.io"] == {
        "apiKey": "pk_x",
        "apiHost": "testserver/v1",
        "protocol": "http",
    }


# --- bodies ------------------------------------------------------------------------------------------------------------


def raw(client: Client, body: bytes, path: str = "batch", **headers: str) -> tuple[int, str]:
    answer = client.generic("POST", f"/v1/{path}", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()["code"]


def test_bodies_that_cannot_be_read(client: Client, key: str) -> None:
    whole = gzip.compress(json.dumps({"batch": [VIEW], "writeKey": key}).encode())
    zipped = {"Content-Encoding": "gzip"}
    assert raw(client, b"{") == (400, "invalid_json")
    assert raw(client, b"\xff\xfe") == (400, "invalid_json")
    assert raw(client, b"") == (400, "invalid_json")
    assert raw(client, b"[]") == (400, "invalid")
    assert raw(client, b"[" * 100_000) == (400, "invalid_json")
    assert raw(client, whole[:-9], **zipped) == (400, "incomplete")
    assert raw(client, b"plain", **zipped) == (400, "invalid_gzip")
    assert raw(client, whole, **{"Content-Encoding": "br"}) == (415, "unsupported_encoding")
    assert raw(client, b" " * (tracking.MOST_BYTES + 1)) == (413, "too_large")
    assert raw(client, gzip.compress(b" " * 50_000_000), **zipped) == (413, "too_large")
    said = {"writeKey": key}
    assert raw(client, json.dumps({**said, "batch": []}).encode()) == (400, "empty_batch")
    assert raw(client, json.dumps({**said, "batch": "x"}).encode()) == (400, "invalid")
    assert raw(client, json.dumps({**said, "batch": [1] * 2501}).encode()) == (413, "too_large")
    assert raw(client, json.dumps({**said, "event": "Product Viewed"}).encode(), "track") == (
        400,
        "no_user_anon_id",
    )
    assert raw(client, json.dumps({**said, "userId": "a"}).encode(), "track") == (400, "no_event")
    assert raw(client, json.dumps({**said, "userId": "a", "x": "y" * 33_000}).encode(), "page") == (
        400,
        "too_large",
    )
    assert not Event.objects.exists() and not Customer.objects.exists()


@pytest.mark.parametrize("path", ["batch", "b", "import"])
def test_a_gzipped_batch_says_of_each_message_why_not(
    client: Client, anna: Customer, key: str, path: str
) -> None:
    batch = [
        {"type": "track", **VIEW, "anonymousId": None},
        "no message",
        {"type": "fly", "userId": "anna", "messageId": "m2"},
        {"type": "track", "messageId": "m3", "userId": None, "anonymousId": None, "event": "Product Viewed"},
        {"type": "track", "messageId": "m4", "userId": "anna"},
        {"type": "page", "messageId": "m5", "userId": "anna", "name": "Home"},
        {"type": "track", "messageId": "m6", "userId": "anna", "event": "Signed Up"},
        {"type": "track", "messageId": "m7", "userId": "boris", "event": "Product Viewed"},
        {"type": "track", "messageId": "m8", "userId": "anna", "event": "Product Viewed", "timestamp": "2040-01-01T00:00:00Z"},
        {"type": "track", "messageId": "m9", "userId": "anna", "properties": {"x": "y" * 33_000}},
    ]  # fmt: skip
    person("boris")
    body = gzip.compress(json.dumps({"batch": batch}).encode())
    answer = client.generic(
        "POST",
        f"/v1/{path}",
        body,
        content_type="application/json",
        headers={"Content-Encoding": "gzip", "Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert {each["message_id"]: each["reason"] for each in answer.json()["refused"]} == {
        "": "not_an_object",
        "m2": "unknown_type",
        "m3": "no_user_anon_id",
        "m4": "no_event",
        "m5": "not_used",
        "m6": "not_used",
        "m7": "no_consent:analytics",
        "m8": "in_the_future",
        "m9": "too_large",
    }
    assert Event.objects.get().message_id == "m1"


def test_a_body_that_fails_half_way_keeps_nothing(send: Send, anna: Customer, monkeypatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(tracked.events, "take_in", broken)
    batch = [{"type": "identify", "userId": "new", "traits": {"name": "N"}}, {"type": "track", **VIEW}]
    with pytest.raises(RuntimeError):
        send("batch", {"batch": batch})
    assert not Identity.objects.filter(value="new").exists()
    assert not Product.objects.exists()


# --- what messages mean ------------------------------------------------------------------------------------------------


def test_what_a_batch_says_holds_for_each_of_its_messages(send: Send, anna: Customer) -> None:
    """Its context is merged into each one's own, and its sentAt puts each clock right."""
    slow = "2026-11-01T10:00:00Z"  # the sender's clock, which is hours behind
    sent = "2026-11-01T10:01:00+00:00"
    inner = {"type": "track", **VIEW, "timestamp": slow, "context": {"locale": "de"}}
    no = {"consent": {"categoryPreferences": {"Analytics": False}}}
    status, said = send("batch", {"batch": [inner], "context": no, "sentAt": sent})
    assert (status, said["refused"]) == (200, [{"message_id": "m1", "reason": "no_consent:analytics"}])
    consent.record(
        [consent.Answer(anna.pk, "analytics", True, consent.Evidence("analytics@1", "en", "t", "t", "t"))],
        at=timezone.now(),
    )
    assert send("batch", {"batch": [inner], "sentAt": sent})[1]["accepted"] == 1
    told = timezone.now() - Event.objects.get().occurred_at
    assert timedelta(seconds=59) < told < timedelta(seconds=90)


def test_names_of_both_versions_and_their_products(send: Send, anna: Customer) -> None:
    names = {
        "Product Clicked": "viewed", "viewed product": "viewed", "Products Searched": "searched", "Product Added": "added",
        "Product Removed": "removed", "Product Added to Wishlist": "wished", "Completed Order": "ordered",
        "Product Reviewed": "rated", "Promotion Viewed": "opened", "Clicked Promotion": "clicked",
    }  # fmt: skip
    properties = {
        "sku": "rose",
        "query": "roses",
        "rating": 4,
        "promotion_id": "p",
        "coupon": "TEN",
        "order_id": "o1",
    }
    batch = [
        {"type": "track", "event": name, "userId": "anna", "messageId": name, "properties": properties}
        for name in names
    ]
    assert send("batch", {"batch": batch})[1]["accepted"] == len(names)
    assert dict(Event.objects.values_list("message_id", "type")) == names
    contexts = dict(Event.objects.values_list("type", "context"))
    assert contexts["searched"] == {"query": "roses"}
    assert contexts["rated"] == {"rating": 4.0}
    assert contexts["clicked"] == {"promotion": "p"}
    assert contexts["ordered"] == {"coupon": "TEN"}


ORDER = {
    "type": "track",
    "event": "Order Completed",
    "userId": "anna",
    "messageId": "o",
    "properties": {
        "order_id": "o1",
        "currency": "eur",
        "products": [
            {"product_id": "rose", "name": "Rose", "price": "2.50", "quantity": 4},
            {"sku": "fern", "price": 3, "quantity": 1},
            "not a product",
        ],
    },
}


def test_a_whole_order_comes_back_by_its_number(send: Send, anna: Customer) -> None:
    send("batch", {"batch": [ORDER]})
    refund = {
        "type": "track",
        "event": "Order Refunded",
        "userId": "anna",
        "messageId": "r",
        "properties": {"order_id": "o1"},
    }
    assert send("batch", {"batch": [refund]})[1]["accepted"] == 2
    back = Event.objects.filter(type="refunded").order_by("pk")
    assert [(e.product.sku, e.quantity, e.value, e.currency) for e in back] == [
        ("rose", Decimal(4), Decimal("10.00"), "EUR"),
        ("fern", Decimal(1), Decimal("3.00"), "EUR"),
    ]
    assert all(e.cancels is not None and e.cancels.type == "ordered" for e in back)
    # Sent again it is the same; said in other words it takes nothing back twice.
    assert send("batch", {"batch": [refund]})[1] == {
        "success": True,
        "accepted": 0,
        "duplicates": 2,
        "refused": [],
    }
    cancelled = refund | {"event": "Order Cancelled", "messageId": "c", "properties": ORDER["properties"]}
    assert send("batch", {"batch": [cancelled]})[1]["accepted"] == 0


def test_a_part_of_an_order_comes_back_with_its_own_money(send: Send, anna: Customer) -> None:
    send("batch", {"batch": [ORDER]})
    part = {"order_id": "o1", "products": [{"product_id": "rose", "quantity": 1}]}
    refund = {"event": "Order Refunded", "userId": "anna", "messageId": "r", "properties": part}
    assert send("track", refund)[1]["accepted"] == 1
    back = Event.objects.get(type="refunded")
    assert (back.quantity, back.value, back.currency) == (Decimal(1), Decimal("2.50"), "EUR")
    unknown = refund | {"messageId": "r2", "properties": {"order_id": "o9"}}
    assert send("track", unknown)[1]["accepted"] == 1, "nothing that was told is lost"
    assert Event.objects.get(message_id="r2").value is None


def test_a_message_without_an_id_is_known_by_what_it_says(send: Send, anna: Customer) -> None:
    dated = {name: value for name, value in VIEW.items() if name != "messageId"}
    assert [send("track", dated | {"sentAt": f"2026-11-01T10:00:0{n}Z"})[1]["accepted"] for n in (1, 2)] == [
        1,
        0,
    ]
    undated = {name: value for name, value in dated.items() if name != "timestamp"}
    assert [send("track", undated)[1]["accepted"] for _ in range(2)] == [1, 1]
    long = VIEW | {"messageId": "x" * 300}
    assert [send("track", long)[1]["accepted"] for _ in range(2)] == [1, 0]
    assert send("track", VIEW | {"messageId": "x" * 301})[1]["accepted"] == 1


def test_traits_become_a_profile(send: Send) -> None:
    traits = {
        "email": "eve@mail.example", "firstName": "Eve", "lastName": "Adams", "address": {"country": "DE"},
        "plan": "gold", "age": 40, "orders": 3, "nested": {"a": 1},
    }  # fmt: skip
    assert send("identify", {"userId": "eve", "traits": traits})[1]["profiles"] == 1
    eve = Customer.objects.select_related("key").get(external_id="eve")
    assert (eve.country, eve.attributes) == ("DE", {"plan": "gold", "orders": 3})
    assert encryption.unseal(eve) == {"email": "eve@mail.example", "name": "Eve Adams"}
    assert not ConsentState.objects.exists()  # who they are is no leave to use it


@pytest.mark.parametrize("email", ["no address", "eve@mail.example\nBcc: a@b.example", 5, {"a": 1}])
def test_what_is_no_address_is_not_kept_as_one(send: Send, email: object) -> None:
    assert send("identify", {"userId": "eve", "traits": {"email": email, "name": "Eve"}})[0] == 200
    eve = Customer.objects.select_related("key").get(external_id="eve")
    assert encryption.unseal(eve) == {"name": "Eve"}
    assert eve.email_index == ""


def test_what_a_visitor_did_becomes_theirs(send: Send, anna: Customer) -> None:
    visitor = identities.find_or_create(["v1"], "anonymous")["v1"]
    Event.objects.create(
        customer_id=visitor, type="viewed", occurred_at=NOW, received_at=NOW, source="t", message_id="1", basis="default"
    )  # fmt: skip
    assert send("identify", {"userId": "anna", "anonymousId": "v1"})[0] == 200
    assert Event.objects.get().customer == anna
    assert identities.find(["v1"], "anonymous") == {"v1": anna.pk}


def test_an_alias_makes_two_of_the_shops_own_one(send: Send, anna: Customer) -> None:
    person("ann")
    assert send("alias", {"previousId": "ann", "userId": "anna"})[0] == 200
    assert identities.find(["ann", "anna"]) == {"ann": anna.pk, "anna": anna.pk}
    assert send("alias", {"previousId": "v7", "userId": "anna"})[0] == 200
    assert identities.find(["v7"], "anonymous") == {"v7": anna.pk}
    assert send("alias", {"userId": "anna"})[0] == 400


def test_an_anonymous_id_that_is_a_customers_merges_nobody(
    send: Send, anna: Customer, boris: Customer
) -> None:
    send("identify", {"userId": "anna", "anonymousId": "boris"})
    assert identities.find(["anna", "boris"]) == {"anna": anna.pk, "boris": boris.pk}


def test_products_are_learnt_only_where_no_feed_describes_them(
    send: Send, public: str, anna: Customer
) -> None:
    save_products([ProductInput(sku="fed", title="Fed", price=Decimal(9))], at=NOW)
    tells = {
        "price": 1,
        "category": "Garden",
        "image_url": "https://shop.example/a.jpg",
        "url": "javascript:x",
    }

    def view(sku: str, name: str, of: str, who: dict[str, str]) -> None:
        message = {"event": "Product Viewed", **who, "properties": {"sku": sku, "name": name, **tells}}
        assert send("track", message, of=of)[0] == 200

    secret = create_key("secret")[1]
    view("fed", "Cheap", secret, {"userId": "anna"})
    view("new", "New", secret, {"userId": "anna"})
    view("web", "Web", public, {"anonymousId": "v"})
    fed, new, web = (Product.objects.get(sku=sku) for sku in ("fed", "new", "web"))
    assert (fed.title, fed.price, fed.is_learnt) == ("Fed", Decimal(9), False)
    assert (new.title, new.price, new.is_learnt, new.is_listed) == ("New", Decimal(1), True, True)
    assert (new.category.name, new.image_url, new.url) == ("Garden", "https://shop.example/a.jpg", "")
    assert (web.title, web.is_listed) == (
        "Web",
        False,
    )  # what a page says is shown to nobody before the shop says so
    view("new", "Newer", secret, {"userId": "anna"})
    assert Product.objects.get(sku="new").title == "Newer"
    save_products([ProductInput(sku="new", title="By the feed")], at=NOW)
    view("new", "Newest", secret, {"userId": "anna"})
    assert Product.objects.get(sku="new").title == "By the feed"


# --- what is allowed ---------------------------------------------------------------------------------------------------


def test_c13_the_browsers_signal_is_written_down_before_its_events(send: Send, public: str) -> None:
    known = person("lee", allows=["analytics", "personalization"])
    status, said = send("track", VIEW | {"userId": "lee"}, **{"Sec-GPC": "1"})
    assert (status, said["gpc"], said["accepted"]) == (200, "honoured", 1)
    refused = ConsentState.objects.filter(customer=known, granted=False).values_list("purpose", flat=True)
    assert set(refused) == {"personalization", "partner_sharing"}
    event = Event.objects.get()
    assert (
        ConsentRecord.objects.filter(customer_id=known.pk, granted=False).latest("pk").at <= event.received_at
    )


def test_c9_a_banner_lowers_consent_and_raises_it_only_with_its_evidence(send: Send, anna: Customer) -> None:
    notice = purposes.find_notice("analytics@1", "en", "analytics")

    def says(answers: dict[str, bool], **more: str) -> None:
        context = {"consent": {"categoryPreferences": answers, **more}}
        assert send("page", {"userId": "anna", "context": context})[0] == 200

    says({"Analytics": False, "Advertising": True})
    assert not consent.verdicts([anna.pk], "analytics")[anna.pk].allowed
    assert consent.verdicts([anna.pk], "personalization")[
        anna.pk
    ].allowed  # a yes of many meanings says nothing
    says({"analytics": True})
    says({"analytics": True}, notice="made-up@1", language="en")
    assert not consent.verdicts([anna.pk], "analytics")[anna.pk].allowed
    says({"analytics": True}, notice="analytics@1", language="en")
    assert consent.verdicts([anna.pk], "analytics")[anna.pk].allowed
    newest = ConsentRecord.objects.filter(customer_id=anna.pk).latest("pk")
    assert (newest.notice_sha256, newest.method) == (notice.sha256, "context.consent")
    before = ConsentRecord.objects.count()
    for _ in range(3):  # every message repeats what the banner holds
        says({"analytics": True}, notice="analytics@1", language="en")
    assert ConsentRecord.objects.count() == before


def test_an_old_yes_does_not_undo_a_newer_no(send: Send, anna: Customer) -> None:
    consent.withdraw_all(anna.pk, method="preference_page", source="t", actor="customer", at=timezone.now())
    said = {"categoryPreferences": {"analytics": True}, "notice": "analytics@1", "language": "en"}
    old = (timezone.now() - timedelta(hours=1)).isoformat()
    send("page", {"userId": "anna", "timestamp": old, "context": {"consent": said}})
    assert not consent.verdicts([anna.pk], "analytics")[anna.pk].allowed


def test_s1_a_browsers_key_says_nothing_of_a_customer_it_does_not_prove(
    send: Send, public: str, anna: Customer
) -> None:
    status, said = send("track", VIEW, of=public)
    assert (status, said["refused"][0]["reason"]) == (200, "customer_not_proven")
    assert send(
        "identify", {"userId": "anna", "anonymousId": "v", "traits": {"email": "e@evil.example"}}, of=public
    )[1]["refused"]
    no = {"consent": {"categoryPreferences": {"analytics": False}}}
    send("track", VIEW | {"anonymousId": "v2", "context": no}, of=public)
    assert identities.find(["v", "v2"], "anonymous").get("v2") != anna.pk
    assert consent.verdicts([anna.pk], "analytics")[anna.pk].allowed
    assert not Event.objects.filter(customer=anna).exists()
    token = customer_token("anna", at=timezone.now())[0]
    proven = {"X-Customer-Token": token}
    assert send("track", VIEW | {"anonymousId": "v3"}, of=public, **proven)[1]["accepted"] == 1
    assert identities.find(["v3"], "anonymous")["v3"] == anna.pk
    assert send("alias", {"previousId": "boris", "userId": "anna"}, of=public, **proven)[1]["refused"]
    told = send("identify", {"userId": "anna", "traits": {"email": "e@evil.example"}}, of=public, **proven)[1]
    assert told["refused"][0]["reason"] == "no_scope:customers:write"


def test_a_batch_costs_the_same_however_many_messages(send: Send, client: Client) -> None:
    counts = []
    for size in (5, 200):
        batch = [
            {
                "type": "track",
                **VIEW,
                "messageId": f"{size}-{n}",
                "userId": f"u{size}-{n}",
                "anonymousId": f"v{size}-{n}",
            }
            for n in range(size)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert send("batch", {"batch": batch})[0] == 200
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 12  # SQLite writes so many rows a statement
