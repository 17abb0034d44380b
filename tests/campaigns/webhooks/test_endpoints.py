"""Whoever makes an endpoint says where, what and for whom; its secrets are sealed, shown once, and changed in peace."""

import base64

import pytest
import structlog
from django.db import IntegrityError

from campaigns import webhooks
from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks import endpoints
from customers import rotation
from customers.models import PersonKey
from tests.campaigns.webhooks.conftest import Facts, Shop
from tests.conftest import NOW

SAID = {"name": "Shop", "url": "https://shop.example/hook", "types": ["code.redeemed"], "receiver": "own"}


def make(**fields: object) -> endpoints.Made:
    return webhooks.make(**{**SAID, **fields}, by="tests")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://shop.example/"), ("url", "shop.example"), ("url", "https:///x"), ("url", "https://[::1/"),
        ("url", "https://shop.example:99999/"), ("url", "https://name:word@shop.example/"),
        ("url", "https://127.0.0.1/"), ("url", "https://10.1.2.3/"), ("url", "https://[::1]/"),
        ("url", "https://169.254.169.254/latest"),
        ("types", []), ("types", ["code.redeemed", "person.hunted"]),
        ("receiver", ""), ("receiver", "friend"),
    ],
)  # fmt: skip
def test_s3_what_makes_no_endpoint_is_refused_by_field_and_nothing_is_made(field: str, value: object) -> None:
    with pytest.raises(webhooks.NotAnEndpoint) as refused:
        make(**{field: value})
    assert set(refused.value.fields) == {field}
    assert not WebhookEndpoint.objects.exists()
    assert not PersonKey.objects.exists()


@pytest.mark.django_db
def test_nobody_may_leave_open_who_receives_not_even_in_the_database() -> None:
    row = make().endpoint
    with pytest.raises(IntegrityError):
        WebhookEndpoint.objects.filter(pk=row.pk).update(receiver="")


@pytest.mark.django_db
def test_there_are_fifty_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 2)
    make(), make()
    with pytest.raises(webhooks.NotAnEndpoint):
        make()
    assert WebhookEndpoint.objects.count() == 2


@pytest.mark.django_db
def test_s7_a_secret_is_random_and_lies_sealed() -> None:
    one, other = make(), make()
    assert one.secret != other.secret
    assert one.secret.startswith("whsec_")
    assert len(base64.b64decode(one.secret.removeprefix("whsec_"))) == 32
    one.endpoint.refresh_from_db()
    assert one.secret.removeprefix("whsec_").encode() not in bytes(one.endpoint.sealed)
    assert endpoints.secrets_of(one.endpoint) == [one.secret]


@pytest.mark.django_db
def test_two_secrets_live_while_one_is_renewed() -> None:
    made = make()
    second = webhooks.rotate(made.endpoint, at=NOW, by="tests")
    assert endpoints.secrets_of(made.endpoint) == [second, made.secret]
    third = webhooks.rotate(made.endpoint, at=NOW, by="tests")
    assert endpoints.secrets_of(made.endpoint) == [third, second]
    assert made.endpoint.rotated_at == NOW


@pytest.mark.django_db
def test_s7_secrets_are_read_after_the_master_key_was_changed(settings) -> None:
    made = make()
    old = list(settings.FIELD_KEYS)
    settings.FIELD_KEYS = [f"new:{'B' * 43}=", *old]
    rotation.rotate()
    assert PersonKey.objects.get(webhook=made.endpoint).master_key_id == "new"
    made.endpoint.refresh_from_db()
    assert endpoints.secrets_of(WebhookEndpoint.objects.select_related("key").get()) == [made.secret]


@pytest.mark.django_db
def test_name_address_and_types_change_and_the_receiver_never() -> None:
    row = make().endpoint
    webhooks.update(row, {"name": "Till", "receiver": "partner", "types": ["code.reversed"]}, by="tests")
    row.refresh_from_db()
    assert (row.name, row.receiver, row.types, row.url) == ("Till", "own", ["code.reversed"], SAID["url"])
    assert set(row.cursors) == {"reversals"}
    with pytest.raises(webhooks.NotAnEndpoint):
        webhooks.update(row, {"url": "http://shop.example"}, by="tests")
    row.refresh_from_db()
    assert row.url == SAID["url"]


@pytest.mark.django_db
def test_what_was_changed_is_noted_without_the_address() -> None:
    with structlog.testing.capture_logs() as lines:
        row = make(url="https://shop.example/hook/token-123").endpoint
        webhooks.update(row, {"url": "https://shop.example/token-456", "name": "Till"}, by="marta")
        webhooks.rotate(row, at=NOW, by="marta")
    assert [line["event"] for line in lines] == [
        "a webhook was made", "a webhook was changed", "a webhook's secret was renewed",
    ]  # fmt: skip
    assert lines[1]["changed"] == {"name": ["Shop", "Till"], "url": "…"}
    assert lines[1]["by"] == "marta"
    assert "token" not in str(lines)
    assert "whsec" not in str(lines)


def test_what_is_removed_goes_with_its_messages_and_its_key(shop: Shop, facts: Facts, anna) -> None:
    row = shop.endpoint()
    facts.redemption(anna)
    shop.gather()
    key = row.key_id
    webhooks.remove(row, by="tests")
    assert not WebhookMessage.objects.exists()
    assert not WebhookEndpoint.objects.exists()
    assert not PersonKey.objects.filter(pk=key).exists()
    assert (shop.gather(), shop.send()) == (0, {})
