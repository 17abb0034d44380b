"""The desk's pages of messages: who may do what, and what they say."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from campaigns import messages
from campaigns.admin.messages.mini import mini
from campaigns.messages.layout import Block, Layout, sound
from campaigns.models import Decision, Delivery, Message
from tests import desk
from tests.campaigns.conftest import Sink
from tests.campaigns.conftest import sink as sink

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings) -> Client:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def message() -> Message:
    desk.people(6)
    row = desk.campaign(offers=[desk.offer()]).message
    assert row is not None
    return row


def looker(*codenames: str) -> Client:
    """Someone on the staff who may do only this."""
    user = User.objects.create_user("vera", "vera@shop.example", desk.PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def to(page: str, row: Message | None = None) -> str:
    return reverse(f"admin:campaigns_message_{page}", args=[row.pk] if row else [])


def test_what_is_being_written_is_checked_without_being_kept(client, message) -> None:
    sent = {
        "subject": "Hello",
        "format": "mjml",
        "body": "<mjml>\r\n<mj-body>\r\n<mj-txt></mj-txt></mj-body></mjml>",
    }
    told = client.post(to("check"), sent).content.decode()
    assert "body, line 3: &lt;mj-txt&gt; is no tag of MJML." in told
    assert 'data-line="3"' in told
    told = client.post(to("check"), {"subject": "GREAT THINGS", "body": "<p>Hi</p>", "zh_subject": "{{ x }}"})
    assert "capitals" in told.content.decode()
    assert 'data-field="id_zh_subject"' in told.content.decode()
    assert client.get(to("check")).status_code == 405
    assert Message.objects.count() == 1


def test_a_preview_shows_every_verdict_in_any_of_the_campaign_s_languages_and_ways(client, message) -> None:
    shown = client.get(to("preview", message), {"customer": "p001"})
    assert [verdict.name for verdict in shown.context["found"].verdicts] == [
        "Audience", "Consent", "Group by lot", "Frequency", "Offer",
    ]  # fmt: skip
    assert shown.context["campaign"].message_id == message.pk
    told = client.get(to("preview", message), {"customer": "p001", "language": "zh-hans", "view": "text"})
    assert "为您精选" in told.context["finished"].subject
    assert "<iframe" not in told.content.decode()
    dark = client.get(to("preview", message), {"customer": "p001", "view": "dark"})
    assert "prefers-color-scheme" not in dark.context["framed"]
    alone = client.get(to("preview", message), {"customer": "p001", "campaign": ""})
    assert alone.context["campaign"] is None
    assert [one.external_id for one in shown.context["samples"]] == ["p005", "p004", "p002"]
    assert not Decision.objects.exists()


def test_without_leave_to_see_people_nobody_is_shown(message) -> None:
    client = looker("view_message")
    assert client.get(to("preview", message)).status_code == 302
    page = client.get(to("change", message))
    assert page.status_code == 200
    assert "为您精选" in page.content.decode(), "the translation stands there to be read"
    assert client.post(to("check"), {"body": "x"}).status_code == 200


def test_a_test_is_sent_by_whoever_may_change_the_message_and_to_themselves_only(
    client, message, sink: Sink
) -> None:
    page = client.get(to("test", message)).content.decode()
    assert "marta@shop.example" in page
    refused = client.post(to("test", message), {"to": "p001@mail.example"})
    assert "your own address only" in refused.content.decode()
    assert sink.recipients() == []
    assert client.post(to("test", message), {"to": "marta@shop.example", "language": "en"}).status_code == 302
    assert sink.recipients() == ["marta@shop.example"]
    viewer = looker("view_message")
    assert viewer.post(to("test", message), {"to": "vera@shop.example"}).status_code == 403
    assert sink.recipients() == ["marta@shop.example"]
    assert not Delivery.objects.exists()


def drawn(row: Message) -> list[tuple[str, int]]:
    """(kind, how many lines) of each part of a message in small."""
    parts = re.findall(r'<span class="is-([a-z]+)">(.*?)</span>', mini(row))
    return [(kind, inside.count("<i>")) for kind, inside in parts]


def test_a_message_in_small_has_its_blocks_and_of_a_source_what_its_tags_tell() -> None:
    blocks = [
        Block("b1", "heading", {"en": {"text": "Hello"}}),
        Block("b2", "text", {"en": {"text": "x" * 130}}),
        Block("b3", "products", {"en": {"list": "recommended"}}),
    ]
    row = Message(slug="new")
    messages.put(row, sound(Layout(blocks, "#aa0000")))
    assert drawn(row) == [("heading", 0), ("text", 3), ("products", 3), ("footer", 1)]
    assert 'style="--mini:#aa0000"' in mini(row)
    source = "<mj-text><h1>Hi {{ customer.name }}</h1></mj-text><mj-button>Go</mj-button>{{ offer_block }}"
    assert drawn(Message(body=source)) == [("heading", 0), ("button", 0), ("offer", 0)]
    # Nothing of what was written stands in it.
    assert "Go" not in mini(Message(body=source)) and "code" in mini(Message(body="Hello"))
