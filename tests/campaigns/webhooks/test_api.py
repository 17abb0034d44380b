"""The door for programs: a webhook is made, changed, tried out, sent again, and its secret told once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks import endpoints
from customers.access import ON_REQUEST, PUBLISHABLE, create_key
from customers.models import IdempotentReply
from tests.conftest import Caller

pytestmark = pytest.mark.django_db
SAID = {
    "name": "Warehouse", "url": "https://shop.example/hook", "types": ["code.redeemed"], "receiver": "own",
}  # fmt: skip


@pytest.fixture
def maker(client: Client) -> Caller:
    return Caller(client, create_key("secret", scopes=["webhooks:read", "webhooks:write"])[1])


def made(maker: Caller, **fields: Any) -> dict[str, Any]:
    answer = maker("POST", "webhooks", {**SAID, **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body)


def test_a_webhook_is_made_and_its_secret_told_this_once(maker: Caller) -> None:
    told = made(maker)
    row = WebhookEndpoint.objects.select_related("key").get()
    assert endpoints.secrets_of(row) == [told.pop("secret")]
    assert told == {
        **SAID, "id": row.pk, "paused": False, "paused_because": "", "failing_since": None, "rotated_at": None,
        "created_at": told["created_at"],
    }  # fmt: skip
    assert maker("GET", f"webhooks/{row.pk}").body == told
    assert maker("GET", "webhooks").body["results"] == [told]


def test_a_repeated_making_makes_one_and_does_not_keep_the_secret(maker: Caller) -> None:
    key = {"Idempotency-Key": "k1"}
    first = maker("POST", "webhooks", SAID, **key)
    assert first.headers["Cache-Control"] == "no-store"
    again = maker("POST", "webhooks", SAID, **key)
    assert (first.status, again.status, again.body) == (201, 201, None)
    assert WebhookEndpoint.objects.count() == 1
    assert bytes(IdempotentReply.objects.get().body) == b""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://shop.example/"), ("url", "https://10.0.0.1/"), ("types", []), ("types", ["x"]), ("types", None),
        ("receiver", "friend"), ("receiver", None), ("name", ""),
    ],
)  # fmt: skip
def test_what_makes_no_webhook_is_a_400_by_field(maker: Caller, field: str, value: Any) -> None:
    said = {**SAID, field: value}
    answer = maker("POST", "webhooks", said)
    assert (answer.status, answer.body["code"]) == (400, "invalid")
    assert next(iter(answer.body["fields"])).startswith(field)
    del said[field]
    assert maker("POST", "webhooks", said).status == 400, "and nothing has a default"
    assert not WebhookEndpoint.objects.exists()


def test_it_is_changed_paused_and_goes_on_and_who_receives_stays(maker: Caller) -> None:
    at = f"webhooks/{made(maker)['id']}"
    answer = maker("PATCH", at, {"types": ["code.reversed"], "receiver": "partner", "paused": True})
    assert (answer.status, answer.body["types"], answer.body["receiver"]) == (200, ["code.reversed"], "own")
    assert (answer.body["paused"], answer.body["paused_because"]) == (True, "person")
    assert maker("POST", f"{at}/test").body["code"] == "not_possible"
    assert not WebhookMessage.objects.exists()
    assert maker("PATCH", at, {"paused": False}).body["paused"] is False
    refused = maker("PATCH", at, {"url": "http://x.example", "paused": True})
    assert refused.status == 400
    assert maker("GET", at).body["paused"] is False, "nothing of it was done"


def test_a_test_and_what_was_given_up_are_put_and_answered_at_once(maker: Caller) -> None:
    at = f"webhooks/{made(maker)['id']}"
    put = maker("POST", f"{at}/test")
    row = WebhookMessage.objects.get()
    assert (put.status, put.body) == (202, {"id": f"msg_{row.pk.hex}"})
    WebhookMessage.objects.update(state="failed", ended_at=timezone.now())
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    assert maker("POST", f"{at}/replay", {"since": since}).status == 202
    assert WebhookMessage.objects.get().state == "waiting"
    assert maker("POST", f"{at}/replay", {}).status == 400


def test_a_renewed_secret_is_told_once_and_both_live(maker: Caller) -> None:
    first = made(maker)
    answer = maker("POST", f"webhooks/{first['id']}/rotate")
    row = WebhookEndpoint.objects.select_related("key").get()
    assert endpoints.secrets_of(row) == [answer.body["secret"], first["secret"]]
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_is_removed_and_then_there_is_none(maker: Caller) -> None:
    at = f"webhooks/{made(maker)['id']}"
    assert maker("DELETE", at).status == 204
    assert not WebhookEndpoint.objects.exists()
    for method, path in (
        ("GET", at),
        ("PATCH", at),
        ("DELETE", at),
        ("POST", f"{at}/test"),
        ("POST", f"{at}/rotate"),
    ):
        assert maker(method, path, {} if method in ("PATCH", "POST") else None).status == 404
    assert maker("GET", f"webhooks/{10**30}").status == 404


def test_s1_a_key_says_where_facts_go_only_where_it_was_asked_for_by_name(
    server: Caller, maker: Caller, client: Client
) -> None:
    assert "webhooks:write" in ON_REQUEST
    assert not {"webhooks:read", "webhooks:write"} & set(PUBLISHABLE)
    at = f"webhooks/{made(maker)['id']}"
    for method, path, body in (
        ("POST", "webhooks", SAID), ("PATCH", at, {"name": "x"}), ("DELETE", at, None), ("POST", f"{at}/test", None),
        ("POST", f"{at}/rotate", None), ("POST", f"{at}/replay", {"since": "2026-01-01T00:00:00Z"}),
    ):  # fmt: skip
        assert server(method, path, body).status == 403, (method, path)
    assert server("GET", at).status == 200
    assert WebhookEndpoint.objects.get().name == "Warehouse"
    assert not WebhookMessage.objects.exists()
