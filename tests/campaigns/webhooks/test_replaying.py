"""What was given up can be sent again, under the id it had."""

from datetime import timedelta

import pytest

from campaigns import webhooks
from campaigns.lifecycle import NotPossible
from campaigns.models import WebhookMessage
from campaigns.webhooks import replaying
from customers.models import Customer
from tests.campaigns.webhooks.conftest import Facts, Shop
from tests.conftest import NOW

WAITING = WebhookMessage.State.WAITING


@pytest.mark.parametrize("state", ["sent", "failed", "withheld"])
def test_one_is_sent_again_under_its_id_whatever_became_of_it(
    shop: Shop, facts: Facts, anna: Customer, state: str
) -> None:
    shop.endpoint(types=("code.redeemed",))
    facts.redemption(anna)
    shop.gather()
    shop.send()
    WebhookMessage.objects.update(state=state, tries=10, reason="gone" if state == "withheld" else "")
    row = WebhookMessage.objects.get()
    assert webhooks.replay(row, at=NOW)
    row.refresh_from_db()
    assert (row.state, row.tries, row.reason, row.ended_at) == ("waiting", 0, "", None)
    assert shop.send() == {"sent": 1}
    first, again = (headers["webhook-id"] for _path, headers, _body in shop.partner.received)
    assert first == again
    assert len(WebhookMessage.objects.get().history) == 2


@pytest.mark.parametrize("state", ["waiting", "sending"])
def test_one_that_is_under_way_is_left_alone(shop: Shop, facts: Facts, anna: Customer, state: str) -> None:
    shop.endpoint(types=("code.redeemed",))
    facts.redemption(anna)
    shop.gather()
    WebhookMessage.objects.update(state=state, tries=3)
    row = WebhookMessage.objects.get()
    assert not webhooks.replay(row, at=NOW)
    row.refresh_from_db()
    assert (row.state, row.tries) == (state, 3)


def test_all_that_was_given_up_since_an_hour_is_sent_again_and_nothing_else(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint, other = shop.endpoint(types=("code.redeemed",)), shop.endpoint(types=("code.redeemed",))
    for _n in range(4):
        facts.redemption(anna)
    shop.gather()
    rows = [*endpoint.messages.order_by("fact")]
    for row, state, hours in zip(rows, ("failed", "failed", "sent", "failed"), (0, 1, 2, 3), strict=True):
        row.state, row.ended_at = state, NOW + timedelta(hours=hours)
        row.save()
    other.messages.update(state="failed", ended_at=NOW + timedelta(hours=5))
    since = NOW + timedelta(hours=1)
    assert webhooks.replay_failed(endpoint, since=since, at=NOW + timedelta(hours=9)) == 2
    assert [row.state for row in endpoint.messages.order_by("fact")] == [
        "failed",
        "waiting",
        "sent",
        "waiting",
    ]
    assert not other.messages.filter(state=WAITING).exists()


def test_very_many_are_sent_again_in_parts_the_oldest_first(
    shop: Shop, facts: Facts, anna: Customer, monkeypatch
) -> None:
    monkeypatch.setattr(replaying, "MOST_AT_ONCE", 2)
    endpoint = shop.endpoint(types=("code.redeemed",))
    for _n in range(3):
        facts.redemption(anna)
    shop.gather()
    rows = [*endpoint.messages.order_by("fact")]
    for row, hours in zip(rows, (2, 0, 1), strict=True):
        row.state, row.ended_at = "failed", NOW + timedelta(hours=hours)
        row.save()
    assert webhooks.replay_failed(endpoint, since=NOW, at=NOW) == 2
    assert [row.state for row in endpoint.messages.order_by("fact")] == ["failed", "waiting", "waiting"]
    assert webhooks.replay_failed(endpoint, since=NOW, at=NOW) == 1


def test_a_test_of_a_paused_endpoint_is_refused(shop: Shop) -> None:
    endpoint = shop.endpoint()
    webhooks.pause(endpoint, at=NOW, because="person", by="tests")
    with pytest.raises(NotPossible):
        webhooks.put_test(endpoint, at=NOW)
    assert not WebhookMessage.objects.exists()
