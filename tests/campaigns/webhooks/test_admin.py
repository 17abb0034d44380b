"""The desk's pages of webhooks: made by hand, paused, tried out, sent again, and the secret shown once."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import webhooks
from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks import endpoints
from config import needs
from customers.models import Customer
from tests import desk
from tests.campaigns.webhooks.conftest import Facts, Shop
from tests.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SAID = {
    "name": "Warehouse", "url": "https://shop.example/hook/token-1", "receiver": "own", "types": ["code.redeemed"],
}  # fmt: skip
ADD = "/admin/campaigns/webhookendpoint/add/"


@pytest.fixture
def marta(client: Client) -> Client:
    client.force_login(desk.staff())
    return client


def page_of(row: WebhookEndpoint, name: str = "change") -> str:
    return reverse(f"admin:campaigns_webhookendpoint_{name}", args=[row.pk])


def made() -> WebhookEndpoint:
    return webhooks.make(**SAID, by="tests").endpoint


def words(answer) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_it_is_made_by_hand_and_its_secret_shown_in_that_answer_only(marta: Client) -> None:
    answer = marta.post(ADD, SAID)
    row = WebhookEndpoint.objects.select_related("key").get()
    (secret,) = endpoints.secrets_of(row)
    assert secret in words(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    page = words(marta.get(page_of(row)))
    assert secret not in page
    assert re.search(r"State\s+on\s", page)
    assert secret not in str([*LogEntry.objects.values()])
    assert set(row.cursors) == {"redemptions"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("receiver", "", "This field is required."),
        ("types", [], "This field is required."),
        ("url", "http://shop.example/", "An address begins with https://."),
        ("url", "https://10.0.0.1/", "This address is not public."),
    ],
)
def test_what_makes_none_is_told_and_nothing_is_made(
    marta: Client, field: str, value: object, told: str
) -> None:
    assert told in words(marta.post(ADD, {**SAID, field: value}))
    assert not WebhookEndpoint.objects.exists()


def test_no_receiver_is_chosen_beforehand(marta: Client) -> None:
    page = marta.get(ADD).content.decode()
    assert page.count('name="receiver"') == 2
    assert not re.search(r'<input[^>]*name="receiver"[^>]*\schecked[\s=>]', page)


def test_who_receives_is_not_changed_by_hand_either(marta: Client) -> None:
    row = made()
    answer = marta.post(page_of(row), {**SAID, "name": "Till", "receiver": "partner"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.receiver) == ("Till", "own")


def test_its_buttons_pause_try_out_go_on_renew_and_remove(marta: Client) -> None:
    row = made()
    for button in ("pause", "resume", "send_test"):
        path = page_of(row, button)
        assert marta.get(path).status_code == 200
        assert marta.post(path).status_code == 302
        row.refresh_from_db()
        assert (row.paused_because == "person") is (button == "pause")
    assert WebhookMessage.objects.get().type == "webhook.test"
    secret = endpoints.secrets_of(row)[0]
    answer = marta.post(page_of(row, "rotate"))
    new, old = endpoints.secrets_of(WebhookEndpoint.objects.select_related("key").get())
    assert (old, new in words(answer)) == (secret, True)
    assert marta.post(page_of(row, "remove")).status_code == 302
    assert not WebhookEndpoint.objects.exists()
    assert {*LogEntry.objects.values_list("change_message", flat=True)} == {
        "Paused.", "Went on.", "Sent a test.", "Renewed its secret.", "Removed.",
    }  # fmt: skip


def test_messages_show_their_attempts_and_are_sent_again(
    marta: Client, shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = shop.endpoint(types=("code.redeemed",))
    facts.redemption(anna)
    shop.gather()
    shop.partner.answer = "422"
    shop.send()
    row = WebhookMessage.objects.get()
    at = reverse("admin:campaigns_webhookmessage_change", args=[row.pk])
    assert re.search(r"Attempts.*422", words(marta.get(at)), re.DOTALL)
    listed = marta.get(
        f"/admin/campaigns/webhookmessage/?endpoint__id__exact={endpoint.pk}&state__exact=waiting"
    )
    assert "code.redeemed" in words(listed)
    WebhookMessage.objects.update(state="failed", ended_at=NOW, tries=10)
    assert marta.post(at.replace("change/", "replay/")).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.tries) == ("waiting", 0)
    WebhookMessage.objects.update(state="failed", ended_at=timezone.now())
    since = timezone.localtime(timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    path = page_of(endpoint, "replay")
    assert "Say since when." in words(marta.post(path, {"since": "yesterday"}))
    assert not WebhookMessage.objects.filter(state="waiting").exists()
    assert marta.post(path, {"since": since}).status_code == 302
    assert WebhookMessage.objects.get().state == "waiting"


def test_whoever_only_looks_sees_the_host_and_no_token(client: Client) -> None:
    row = made()
    user = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="Viewer"))
    client.force_login(user)
    for path in (page_of(row), reverse("admin:campaigns_webhookendpoint_changelist")):
        told = client.get(path).content.decode()
        assert "shop.example" in told
        assert "token-1" not in told
    assert client.post(page_of(row, "pause")).status_code == 403
    row.refresh_from_db()
    assert row.paused_at is None


def test_the_desk_s_home_tells_of_webhooks_that_stopped_and_of_those_where_nothing_arrives(db: None) -> None:
    row = made()
    told = lambda: [need.words for need in needs.everything(NOW) if "webhook" in need.words]  # noqa: E731
    webhooks.pause(row, at=NOW, because="person", by="marta")
    assert told() == [], "who paused it knows"
    WebhookEndpoint.objects.update(paused_because="gone")
    assert told() == ["The webhook “Warehouse” stopped by itself: the receiver said 410: it is gone."]
    webhooks.resume(row, by="marta")
    WebhookEndpoint.objects.update(failing_since=NOW - timedelta(hours=25))
    assert told() == ["Nothing arrives at the webhook “Warehouse” since yesterday or longer."]
