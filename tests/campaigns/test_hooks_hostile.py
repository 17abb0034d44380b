"""Reports that no provider sends, at the addresses of providers: an answer below 500, and nothing is kept."""

import base64
import json
from typing import Any

import pytest
from django.test import Client

from campaigns.hooks import PROVIDERS
from campaigns.models import Bounce
from tests.config import hostile

pytestmark = pytest.mark.django_db
HEADERS = {"Authorization": "Basic " + base64.b64encode(b"tact:secret").decode()}
REPORTS: dict[str, Any] = {
    "postmark": {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 7,
        "Email": "c000@mail.example",
        "MessageID": "m",
    },
    "sendgrid": [
        {"event": "bounce", "email": "c000@mail.example", "timestamp": 1764000000, "sg_event_id": "e"}
    ],
    "brevo": {
        "event": "hard_bounce",
        "email": "c000@mail.example",
        "ts_event": 1764000000,
        "message-id": "<m@x>",
    },
    "mailjet": [{"event": "bounce", "email": "c000@mail.example", "time": 1764000000, "hard_bounce": True}],
}


@pytest.fixture(autouse=True)
def providers(settings: Any) -> None:
    settings.MAIL_PROVIDERS = list(PROVIDERS)
    settings.ANYMAIL = {"WEBHOOK_SECRET": "tact:secret"}


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_what_is_no_report_is_refused_in_words(provider: str) -> None:
    client = Client(raise_request_exception=True)
    client.get("/proof/")  # the first request looks whether a backup was restored
    before = hostile.picture()
    for name, body in hostile.BODIES.items():
        answer = client.post(f"/hooks/{provider}/", body, "application/json", headers=HEADERS)
        assert answer.status_code < 500, (name, answer.content)
        if answer.status_code == 400:
            assert answer.json().keys() == {"code", "message"}, name
    assert hostile.picture() == before


@pytest.mark.parametrize("provider", sorted(REPORTS))
def test_a_strange_value_in_a_report_breaks_nothing(provider: str) -> None:
    client = Client(raise_request_exception=True)
    sound = json.dumps(REPORTS[provider])
    assert client.post(f"/hooks/{provider}/", sound, "application/json", headers=HEADERS).status_code == 200
    (kept,) = Bounce.objects.values_list("pk", "source")
    assert kept[1] == provider
    first = json.loads(sound)[0] if isinstance(REPORTS[provider], list) else json.loads(sound)
    for name in first:
        for value in hostile.VALUES:
            changed = {**first, name: value}
            body = json.dumps([changed] if isinstance(REPORTS[provider], list) else changed)
            answer = client.post(f"/hooks/{provider}/", body, "application/json", headers=HEADERS)
            assert answer.status_code in (200, 400), (name, str(value)[:60], answer.content)
    assert Bounce.objects.filter(pk=kept[0]).exists(), "what was sound stays"
