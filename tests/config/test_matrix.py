"""Every address by every kind of key and token: whoever may not see Boris finds nothing of him in any answer."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Code, Decision, Placement
from config import urls
from config.api import scope_of
from customers import consent, identities, requests
from customers.access import PUBLISHABLE, SCOPES, create_key, customer_token
from customers.models import ConsentRecord, Customer, Event
from customers.purposes import PURPOSES
from tests.campaigns.conftest import offer
from tests.conftest import NOW, person

pytestmark = [pytest.mark.django_db, pytest.mark.once]
CANARY = "kanarienvogel"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@pytest.fixture
def boris(db: None) -> Customer:
    """He allows everything, and everything that is known of him sings."""
    boris = person("boris", allows=list(PURPOSES), email=f"{CANARY}@mail.example")
    identities.save_profiles(
        [identities.Profile(id="boris", name=CANARY, phone=f"+49{CANARY}", attributes={"secret": CANARY})]
    )
    Event.objects.create(
        customer=boris, type="ordered", order_id=CANARY, occurred_at=NOW, received_at=NOW, source="t", message_id=CANARY,
        context={"query": CANARY}, basis="contract",
    )  # fmt: skip
    given = offer("ten", code_kind="unique")
    Placement.objects.create(slug="home", name="Home")
    Decision.objects.create(
        customer=boris, offer=given, placement="home", arm="treated", purpose="personalization", basis="default",
        decided_at=timezone.now(),
    )  # fmt: skip
    Code.objects.create(offer=given, customer=boris, value=CANARY.upper(), state=Code.State.ASSIGNED)
    consent.record(
        [consent.Answer(boris.pk, "analytics", False, consent.Evidence("", "", CANARY, CANARY, "customer"))],
        at=timezone.now(),
    )
    return boris


def addresses(boris: Customer, number: str) -> Iterator[tuple[str, Any]]:
    record = ConsentRecord.objects.filter(customer_id=boris.pk).latest("pk").pk
    places = {
        "external_id": "boris", "sku": "rose", "slug": "ten", "record": record, "run": 1, "number": number, "step": "launch", "webhook": 1,
    }  # fmt: skip
    for pattern in urls.api:
        path = re.sub(r"<\w+:(\w+)>", lambda found: str(places[found[1]]), str(pattern.pattern))
        yield path, getattr(pattern.callback, "view_class", None) or pattern.callback.cls  # type: ignore[union-attr]


BODIES: list[dict[str, Any]] = [
    {},
    {"customer": "boris", "type": "access", "skus": ["rose"], "code": CANARY.upper(), "order_id": "o", "amount": "5", "currency": "EUR"},
    {"customer": "boris", "purpose": "analytics", "granted": False, "method": "m", "source": "s"},
    {"email": "e@mail.example", "rule": {"attribute": "id", "is": "boris"}},
    {"batch": [{"type": "viewed", "customer": "boris", "message_id": "x", "occurred_at": "2026-11-01T10:00:00Z"}]},
    {"type": "identify", "userId": "boris", "anonymousId": "v", "messageId": "y"},
]  # fmt: skip
CALLERS = {
    "no key": {},
    "a wrong key": {"Authorization": "Bearer sk_wrong"},
    "a key in a page": {"Authorization": "Bearer {pk}"},
    "a key in a page, for anna": {"Authorization": "Bearer {pk}", "X-Customer-Token": "{anna}"},
    "a key in a page, with boris's old token": {"Authorization": "Bearer {pk}", "X-Customer-Token": "{old}"},
    "a key in a page, with a forged token": {"Authorization": "Bearer {pk}", "X-Customer-Token": "{forged}"},
    "a server's key of no use": {"Authorization": "Bearer {narrow}"},
}


@pytest.fixture
def secrets(anna: Customer, boris: Customer) -> dict[str, str]:
    now = timezone.now()
    token = customer_token("boris", at=now)[0]
    head, _dot, tail = token.rpartition(".")
    return {
        "pk": create_key("publishable", scopes=PUBLISHABLE)[1],
        "narrow": create_key("secret", scopes=["catalog:read"])[1],
        "sk": create_key("secret", scopes=SCOPES)[1],
        "anna": customer_token("anna", at=now)[0],
        "boris": token,
        "old": customer_token("boris", at=now - timedelta(hours=3))[0],
        "forged": f"{head}.{tail[::-1]}",
    }


def calls(
    client: Client, headers: dict[str, str], boris: Customer, number: str
) -> Iterator[tuple[str, int, bytes]]:
    """Every address with every method and body; what it answered."""
    for path, view in addresses(boris, number):
        for method in METHODS:
            writes = method in ("POST", "PUT", "PATCH")
            if not hasattr(view, method.lower()) and method not in ("HEAD", "OPTIONS"):
                continue
            for body in BODIES if writes else [None]:
                sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
                query = "?customer=boris&placement=home" if not writes else ""
                answer = client.generic(method, f"/api/v1/{path}{query}", headers=headers, **sent)
                yield f"{method} {path}", answer.status_code, b"".join(answer) + str(answer.headers).encode()
    for kind in ("track", "identify", "batch", "alias"):
        for body in BODIES:
            answer = client.post(
                f"/v1/{kind}", json.dumps(body), content_type="application/json", headers=headers
            )
            yield f"POST /v1/{kind}", answer.status_code, answer.content


@pytest.mark.parametrize("caller", CALLERS)
def test_s1_nobody_reads_boris_but_his_shop_and_himself(
    client: Client, boris: Customer, secrets: dict[str, str], caller: str
) -> None:
    asked = requests.ask(boris, "access", source="t", at=timezone.now())
    headers = {name: value.format(**secrets) for name, value in CALLERS[caller].items()}
    before = ConsentRecord.objects.filter(customer_id=boris.pk).count()
    seen = 0
    for what, status, content in calls(client, headers, boris, str(asked.request.pk)):
        seen += 1
        assert status < 500, (caller, what, content)
        assert CANARY not in content.decode().lower(), (caller, what, content)
    assert seen > 100
    assert ConsentRecord.objects.filter(customer_id=boris.pk).count() == before, "nor answers for him"
    assert not Event.objects.filter(customer=boris).exclude(message_id=CANARY).exists()


def test_the_canary_sings_for_the_shop_and_for_himself(
    client: Client, boris: Customer, secrets: dict[str, str]
) -> None:
    """Else the test above would find nothing whatever leaked."""
    asked = requests.ask(boris, "access", source="t", at=timezone.now())
    told = {"sk": set[str](), "boris": set[str]()}
    for who, headers in (
        ("sk", {"Authorization": f"Bearer {secrets['sk']}"}),
        ("boris", {"Authorization": f"Bearer {secrets['pk']}", "X-Customer-Token": secrets["boris"]}),
    ):
        for what, _status, content in calls(client, headers, boris, str(asked.request.pk)):
            if CANARY in content.decode().lower():
                told[who].add(what)
    assert {"GET customers/boris", "GET customers/boris/consents/history"} <= told["sk"]
    assert "GET customers/boris/consents/history" in told["boris"]
    assert "GET customers/boris" not in told["boris"], "a profile is the server's"


def test_every_address_says_what_scope_it_needs(boris: Customer) -> None:
    for path, view in addresses(boris, "0"):
        if path not in ("schema", "docs"):
            assert any(scope_of(view, method) in SCOPES for method in ("GET", "POST", "PUT", "PATCH")), path
