"""Whatever is sent: a 4xx with its code and a sentence, and nothing has changed; or it is taken whole, and read again."""

import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from config import urls
from customers.access import SCOPES, create_key
from customers.models import PrivacyRequest
from recommender.models import TrainingRun
from tests.config.hostile import BODIES, KINDS, VALUES, picture, places, with_value
from tests.desk import shop, staff

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HOSTILE = int(os.environ.get("HOSTILE", "1500"))
PERSON = {
    "email": "new@mail.example", "phone": "+49 1", "name": "New", "locale": "de", "time_zone": "Europe/Berlin",
    "country": "DE", "attributes": {"tier": "gold", "points": 5},
}  # fmt: skip
PRODUCT = {
    "title": "Rose", "description": "Red", "category": "Garden", "brand": "B", "price": "9.90", "currency": "EUR",
    "in_stock": True, "image_url": "https://shop.example/i", "url": "https://shop.example/", "attributes": {"size": 5},
}  # fmt: skip
EVENT = {
    "message_id": "h1", "customer": "p001", "anonymous_id": "v1", "type": "ordered", "sku": "p-0", "quantity": "1", "value": "9.90",
    "currency": "EUR", "order_id": "o1", "occurred_at": "2026-11-01T10:00:00Z", "context": {"coupon": "X"},
}  # fmt: skip
ANSWER = {
    "purpose": "analytics",
    "granted": False,
    "notice": "",
    "language": "en",
    "method": "m",
    "source": "s",
}
RULE = {
    "all": [{"attribute": "country", "is": "DE"}, {"did": "ordered", "times": {"gte": 1}, "within_days": 30}]
}
OFFER = {
    "title": "T", "description": "D", "translations": {"zh-hans": {"title": "T"}}, "status": "draft", "benefit": "percent", "value": "5",
    "currency": "EUR", "minimum_amount": "1.00", "categories": [], "eligibility": RULE, "priority": 1,
    "starts_at": "2026-11-01T10:00:00Z", "ends_at": "2027-11-01T10:00:00Z", "code_kind": "unique", "code_prefix": "P", "code_valid_days": 5,
    "max_total": 10, "max_per_customer": 1, "low_stock_at": None, "max_discount": "5.00", "budget": "500.00", "used_percent": 50,
    "caps": [{"event": "decided", "scope": "customer", "placement": "mail-p", "most": 3, "every_days": 7}],
}  # fmt: skip
PLACEMENT = {
    "name": "N", "channel": "email", "slots": 2, "ranking": "priority", "formula": [{"when": None, "value": {"fit": 1}}], "success": "clicked",
    "explore_percent": 5, "allow_duplicates": False, "fallback": None,
}  # fmt: skip
CAMPAIGN = {
    "name": "C", "channel": "email", "kind": "once", "message": "hello", "placement": "", "webhook_url": "", "recurrence": "",
    "send_time": "at_once", "starts_at": "2026-12-01T10:00:00Z", "ends_at": None, "priority": 0, "topic": "p-garden", "tags": ["p-news"],
    "control_percent": "10", "window_days": 14, "margin_percent": "40", "sending_cost": "0.0100", "allocation": "fixed",
    "stop_at_complaints": "1", "stop_at_errors": "1", "audiences": [{"segment": "germans-0", "offers": ["ten-0"]}],
    "variants": [{"key": "a", "name": "A", "message": "hello", "weight": 1}],
}  # fmt: skip
CODE = {
    "code": "ABC", "customer": "p001", "order_id": "o", "amount": "20.00", "currency": "EUR", "skus": ["p-0"],
}  # fmt: skip
SOUND: dict[str, Any] = {
    "PUT customers/p001": PERSON,
    "PATCH customers/p001": PERSON,
    "POST customers/bulk": {"customers": [{"id": "p001", **PERSON}]},
    "POST customers/p001/token": {"seconds": 60},
    "POST customers/p001/consents": ANSWER,
    "POST customers/p000/consents/ask": {
        "purpose": "marketing_email", "notice": "marketing_email@1", "language": "en", "source": "s",
    },
    "POST consents": {"anonymous_id": "v1", "answers": [{"purpose": "analytics", "granted": False, "notice": "", "language": "en"}], "method": "m", "source": "s"},
    "POST consents/bulk": {"answers": [{"customer": "p001", **ANSWER}]},
    "POST privacy-requests": {"customer": "p001", "type": "rectification", "details": {"name": "N", "email": "n@mail.example", "phone": "1", "country": "DE", "time_zone": "UTC", "note": "n"}},
    "POST events": EVENT,
    "POST events ": {"batch": [EVENT, {**EVENT, "message_id": "h2"}]},
    "POST reviews": {"customer": "p001", "sku": "p-0", "rating": 5, "text": "Good", "title": "G", "locale": "de", "message_id": "r"},
    "PUT products/p-0": PRODUCT,
    "POST products/bulk": {"products": [{"sku": "p-0", **PRODUCT}]},
    "POST rank": {"customer": "p001", "skus": ["p-0", "p-1"]},
    "POST models/train": {"task": "recommend", "algorithms": ["popularity"]},
    "POST offers/definitions": {"slug": "new", **OFFER},
    "PATCH offers/definitions/ten-0": {**OFFER, "status": "approved"},
    "POST offers/placements": {"slug": "new", **PLACEMENT},
    "PATCH offers/placements/mail-p": PLACEMENT,
    "POST segments": {"slug": "new", "name": "N", "description": "", "rule": RULE},
    "PATCH segments/germans-0": {"name": "N", "description": "", "rule": RULE},
    "POST segments/preview": {"rule": RULE, "channel": "email"},
    "POST campaigns": {"slug": "new", **CAMPAIGN},
    "PATCH campaigns/draft": CAMPAIGN,
    "POST campaigns/spring-0/preview": {"customer": "p001"},
    "POST campaigns/spring-0/test": {"staff": "marta", "language": "en"},
    "POST codes/validate": CODE,
    "POST codes/reserve": CODE,
    "POST codes/redeem": CODE,
    "POST codes/reverse": CODE,
}  # fmt: skip


class Sender:
    """A shop's server with every scope, and what came of what it sent."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        self.key = f"Bearer {create_key('secret', scopes=SCOPES)[1]}"
        self.wrong: list[str] = []
        self.said: Any = None

    def send(self, what: str, body: bytes, kind: str = "application/json", **headers: str) -> int:
        """The status; an answer that is none is kept in `wrong`."""
        method, _space, path = what.partition(" ")
        headers = {"Authorization": self.key, **headers}
        answer = self.client.generic(
            method, f"/api/v1/{path.strip()}", body, content_type=kind, headers=headers
        )
        self.said = said = json.loads(answer.content or b"null")
        told = isinstance(said, dict) and all(isinstance(said.get(name), str) for name in ("code", "message"))
        if answer.status_code >= 500 or (answer.status_code >= 400 and not told):
            self.wrong.append(f"{what} {body[:200]!r}: {answer.status_code} {answer.content[:200]!r}")
        return answer.status_code


@pytest.fixture
def sender(db: None, settings: Any) -> Sender:
    settings.POSTAL_ADDRESS = "1 Road, Town"
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    shop(6)
    made = Sender()
    draft = made.send("POST campaigns", json.dumps({"slug": "draft", **CAMPAIGN}).encode())
    assert (draft, made.wrong) == (201, [])
    staff()
    return made


def addresses() -> Iterator[str]:
    """Every address that takes a body, with what stands in it."""
    stands: dict[str, Any] = {
        "external_id": "p001", "sku": "p-0", "record": 1, "run": TrainingRun.objects.latest("pk").pk, "step": "pause",
        "number": PrivacyRequest.objects.first().pk, "slug": "germans-0",
    }  # fmt: skip
    slugs = {"campaigns": "spring-0", "offers/definitions": "ten-0", "offers/placements": "mail-p"}
    for pattern in urls.api:
        route = str(pattern.pattern)
        first = next((slug for start, slug in slugs.items() if route.startswith(start)), "germans-0")
        path = re.sub(r"<\w+:(\w+)>", lambda found: str({**stands, "slug": first}.get(found[1], 1)), route)  # noqa: B023
        view = getattr(pattern.callback, "view_class", None) or pattern.callback.cls
        yield from (
            f"{method} {path}" for method in ("POST", "PUT", "PATCH") if hasattr(view, method.lower())
        )


def test_what_is_no_json_object_is_refused_everywhere_and_changes_nothing(sender: Sender) -> None:
    before, seen = picture(), 0
    for what in addresses():
        for name, body in BODIES.items():
            seen += 1
            if not 400 <= (status := sender.send(what, body)) < 500:
                sender.wrong.append(f"{what} with {name}: {status}")
        for kind in KINDS:
            if (status := sender.send(what, b"{}", kind)) != 415:
                sender.wrong.append(f"{what} as {kind!r}: {status}")
    print(f"{seen} bodies")
    assert not sender.wrong, "\n".join(sender.wrong)
    assert picture() == before


def test_what_is_sound_is_taken(sender: Sender) -> None:
    """Else the test below would show how the others of a body are refused."""
    for what, body in SOUND.items():
        with transaction.atomic():
            status = sender.send(what, json.dumps(body).encode())
            # No such code, and no server to send the test by.
            if (
                status >= 300
                and (status, what.split("/")[0]) != (422, "POST codes")
                and not what.endswith("/test")
            ):
                sender.wrong.append(f"{what}: {status} {sender.said}")
            transaction.set_rollback(True)
    assert not sender.wrong, "\n".join(sender.wrong)


def test_one_hostile_value_is_refused_whole_or_kept_and_read_again(sender: Sender) -> None:
    cases = [(what, path, value) for what, body in SOUND.items() for path in places(body) for value in VALUES]
    rng = random.Random(int(os.environ.get("SEED", "1")))
    before, refused = picture(), 0
    for what, path, value in rng.sample(cases, min(HOSTILE, len(cases))):
        body = json.dumps(with_value(SOUND[what], path, value)).encode()
        with transaction.atomic():
            status = sender.send(what, body)
            if status < 400:
                sender.send(f"GET {what.partition(' ')[2]}", b"", "application/json")
                transaction.set_rollback(True)
            refused += status >= 400
    print(f"{min(HOSTILE, len(cases))} of {len(cases)} bodies; {refused} refused")
    assert not sender.wrong, "\n".join(sender.wrong)
    assert picture() == before
