"""Segment's door and what nobody means well with: exactly 200 or a 4xx that says why, and never half of anything."""

import gzip
import json
import os
import random
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from customers.access import create_key
from customers.models import Customer
from tests.config.hostile import BODIES, VALUES, picture, places, with_value

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HOSTILE = int(os.environ.get("HOSTILE", "1000"))
WHO = {
    "userId": "anna", "anonymousId": "v1", "messageId": "m1", "timestamp": "2026-11-01T10:00:00Z", "sentAt": "2026-11-01T10:00:01Z",
    "originalTimestamp": "2026-11-01T10:00:00Z",
    "context": {"consent": {"categoryPreferences": {"analytics": False}, "notice": "analytics@1", "language": "en"}},
}  # fmt: skip
WARE = {
    "product_id": "rose", "sku": "rose", "name": "Rose", "price": 4.5, "quantity": 2, "category": "Garden", "brand": "B",
    "url": "https://shop.example/", "image_url": "https://shop.example/i",
}  # fmt: skip
ORDER = {
    "order_id": "o1", "revenue": 9, "currency": "EUR", "coupon": "X", "products": [WARE, {**WARE, "sku": "tea"}],
    "soft_opt_in": {"notice": "soft_opt_in@1", "language": "en", "refused": False},
}  # fmt: skip
TRAITS = {
    "email": "a@mail.example", "phone": "1", "name": "A", "firstName": "A", "address": {"country": "DE"}, "locale": "de", "tier": "gold",
}  # fmt: skip
SOUND: dict[str, Any] = {
    "identify": {**WHO, "traits": TRAITS},
    "track": {**WHO, "event": "Order Completed", "properties": ORDER},
    "t": {**WHO, "event": "Product Reviewed", "properties": {"product_id": "rose", "rating": 5, "query": "q"}},
    "alias": {"userId": "anna", "previousId": "v2", "messageId": "m2"},
    "page": {**WHO, "name": "Home", "properties": {"path": "/"}},
    "group": {**WHO, "groupId": "g", "traits": {}},
    "batch": {
        "context": {"locale": "de"}, "sentAt": "2026-11-01T10:00:01Z",
        "batch": [{**WHO, "type": "track", "event": "Product Viewed", "properties": WARE}, {**WHO, "type": "identify", "traits": TRAITS}],
    },
}  # fmt: skip
# No id, so that the message is known by all it says.
NAMELESS = {name: value for name, value in SOUND["track"].items() if name != "messageId"}
MORE = ["a\0b", {"a\0b": "a\0b"}, {"a": [{"b": "\0"}]}]


class Sender:
    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        self.key = f"Bearer {create_key('secret')[1]}"
        self.wrong: list[str] = []

    def send(self, kind: str, body: bytes, **headers: str) -> int:
        """The status; what is neither 200 nor a refusal that says why is kept in `wrong`."""
        headers = {"Authorization": self.key, **headers}
        answer = self.client.post(f"/v1/{kind}", body, content_type="application/json", headers=headers)
        said = json.loads(answer.content)
        told = all(isinstance(said.get(name), str) for name in ("code", "message"))
        if answer.status_code != 200 and not (answer.status_code in (400, 401, 411, 413, 415, 429) and told):
            self.wrong.append(f"{kind} {body[:300]!r}: {answer.status_code} {answer.content[:200]!r}")
        return answer.status_code


@pytest.fixture
def sender(anna: Customer) -> Sender:
    made = Sender()
    made.send("page", json.dumps(SOUND["page"]).encode())
    return made


def test_what_is_no_message_is_refused_and_changes_nothing(sender: Sender) -> None:
    before = picture()
    whole = gzip.compress(json.dumps(SOUND["track"]).encode())
    bomb = gzip.compress(b'{"userId": "' + b"a" * 50_000_000 + b'"}')
    for kind in SOUND:
        for body in BODIES.values():
            sender.send(kind, body)
        for body in (bomb, whole[:-9], whole[:40], whole[3:], gzip.compress(whole), b"", b"\x1f\x8b"):
            assert 400 <= sender.send(kind, body, **{"Content-Encoding": "gzip"}) < 500
        assert sender.send(kind, whole, **{"Content-Encoding": "br"}) == 415
        assert sender.send(kind, b"{}", Authorization="Basic !!!") == 401
    assert not sender.wrong, "\n".join(sender.wrong)
    assert picture() == before


def test_one_hostile_value_is_refused_or_kept_and_is_never_half_of_anything(sender: Sender) -> None:
    bodies = [*SOUND.items(), ("track", NAMELESS)]
    cases = [
        (kind, body, path, value)
        for kind, body in bodies
        for path in places(body)
        for value in (*VALUES, *MORE)
    ]
    rng = random.Random(int(os.environ.get("SEED", "1")))
    before, refused = picture(), 0
    for kind, body, path, value in rng.sample(cases, min(HOSTILE, len(cases))):
        with transaction.atomic():
            if sender.send(kind, json.dumps(with_value(body, path, value)).encode()) == 200:
                transaction.set_rollback(True)
            else:
                refused += 1
    print(f"{min(HOSTILE, len(cases))} of {len(cases)} messages; {refused} refused")
    assert not sender.wrong, "\n".join(sender.wrong)
    assert picture() == before


@pytest.mark.parametrize("depth", [60, 200, 300, 900, 1000])
def test_what_is_nested_deeply_is_no_500(sender: Sender, depth: int) -> None:
    """The id of a message without one is made of all it says; the little of it that is kept has to go into a column."""
    deep = '{"a":' * depth + "1" + "}" * depth
    for name, message in (("properties", NAMELESS), ("soft_opt_in", NAMELESS), ("traits", SOUND["identify"])):
        body = json.dumps(
            {**message, name: "HERE"}
            if name != "soft_opt_in"
            else {**message, "properties": {**ORDER, name: "HERE"}}
        )
        sender.send("identify" if name == "traits" else "track", body.replace('"HERE"', deep).encode())
    assert not sender.wrong, "\n".join(sender.wrong)
