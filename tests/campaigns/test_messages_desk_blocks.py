"""The desk's editor of blocks: what a button does to them, what is kept and what is refused, and who may do it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import messages
from campaigns.messages import READY_MADE, Block, Layout
from campaigns.messages.layout import sound
from campaigns.models import Campaign, Message, Variant
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
    row = Message(slug="m", name="M", subject="Hi", preheader="Line")
    row.translations = {"zh-hans": {"subject": "你好", "preheader": "行"}}
    words = {"en": {"text": "Hello"}, "zh-hans": {"text": "您好"}}
    messages.put(row, Layout([Block("b1", "heading", words), Block("b2", "text", {"en": {"text": "More"}})]))
    row.save()
    return row


def to(page: str, row: Message | None = None) -> str:
    return reverse(f"admin:campaigns_message_{page}", args=[row.pk] if row else [])


def sent(layout: Layout, **more: Any) -> dict[str, Any]:
    """The editor's form with these blocks, as a browser sends it."""
    fields: dict[str, Any] = {
        "name": "M", "slug": "m", "subject": "Hi", "preheader": "Line", "product_count": "4", "colour": "#1f5fbf",
        "zh_subject": "", "zh_preheader": "", "block": [block.key for block in layout.blocks],
    }  # fmt: skip
    for block in layout.blocks:
        fields[f"{block.key}-kind"] = block.kind
        for part in block.parts:
            name = f"{block.key}-{part.name}"
            fields[name] = block.own(part.name)
            fields[f"zh_{name}"] = block.own(part.name, "zh-hans")
            fields[f"{name}-seal"] = block.seal(part.name, "zh-hans")
    return fields | more


def laid(row: Message) -> Layout:
    found = messages.layout_of(row)
    assert found is not None
    return found


def keys(content: bytes) -> list[str]:
    return re.findall(r'name="block" value="(\w+)"', content.decode())


def looker(*codenames: str) -> Client:
    user = User.objects.create_user("vera", "vera@shop.example", desk.PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_a_new_message_begins_with_a_ready_made_one_and_nothing_is_kept_until_it_is_saved(client) -> None:
    told = client.get(to("add")).content.decode()
    for name in READY_MADE:
        assert f'href="?layout={name}"' in told
    beside = client.get(to("add"), {"_popup": "1"}).content.decode()
    assert 'href="?layout=offer&amp;_popup=1"' in beside
    assert "nav-sidebar" not in beside, "a window beside a campaign has no menu"
    page = client.get(to("add"), {"layout": "offer"})
    assert keys(page.content) == ["b1", "b2", "b3", "b4", "b5", "footer"]
    assert "为您准备" in page.content.decode()
    source = client.get(to("add"), {"layout": "source"}).content.decode()
    assert 'id="id_body"' in source
    assert 'name="block"' not in source
    assert not Message.objects.exists()
    ready = READY_MADE["offer"]
    answer = client.post(to("add"), sent(ready.layout, zh_subject="给您的", **{"b1-text": "Good day"}))
    assert answer.status_code == 302
    row = Message.objects.get()
    assert laid(row).blocks[0].own("text") == "Good day"
    assert row.format == "mjml"
    assert ">Good day</h1>" in row.body
    assert "这是为您准备的" in row.translations["zh-hans"]["body"]
    assert row.translations["zh-hans"]["subject"] == "给您的"


@pytest.mark.parametrize(
    ("do", "order"),
    [
        ("down:b1", ["b2", "b1", "b3", "footer"]),
        ("up:b3", ["b1", "b3", "b2", "footer"]),
        ("up:b1", ["b1", "b2", "b3", "footer"]),
        ("down:b3", ["b1", "b2", "b3", "footer"]),
        ("to:b3:b1", ["b3", "b1", "b2", "footer"]),
        ("to:b1:b2", ["b2", "b1", "b3", "footer"]),
        ("to:b1:footer", ["b2", "b3", "b1", "footer"]),
        ("twice:b1", ["b1", "b4", "b2", "b3", "footer"]),
        ("add:button:b2", ["b1", "b2", "b4", "b3", "footer"]),
        ("remove:b2", ["b1", "b3", "footer"]),
        ("remove:footer", ["b1", "b2", "b3", "footer"]),
        ("up:footer", ["b1", "b2", "b3", "footer"]),
        ("to:footer:b1", ["b1", "b2", "b3", "footer"]),
        ("twice:footer", ["b1", "b2", "b3", "footer"]),
        ("add:footer:b1", ["b1", "b2", "b3", "footer"]),
        ("add:script:b1", ["b1", "b2", "b3", "footer"]),
        ("remove:nobody", ["b1", "b2", "b3", "footer"]),
        ("", ["b1", "b2", "b3", "footer"]),
    ],
)
def test_a_button_moves_doubles_adds_or_takes_out_and_the_footer_stays_last(client, do, order) -> None:
    layout = sound(Layout([Block(f"b{n}", "text", {"en": {"text": f"words {n}"}}) for n in (1, 2, 3)]))
    answer = client.post(to("blocks"), sent(layout, do=do))
    assert keys(answer.content) == order
    assert answer["HX-Trigger-After-Settle"] == "blocks-changed"
    assert not Message.objects.exists()


def test_what_was_taken_out_is_put_back_where_it_was_with_all_its_words(client) -> None:
    words = {"en": {"text": 'a "quoted" <b>'}, "zh-hans": {"text": "词"}}
    layout = sound(Layout([Block("b1", "text", words), Block("b2", "divider")]))
    out = client.post(to("blocks"), sent(layout, do="remove:b1"))
    assert keys(out.content) == ["b2", "footer"]
    removed = out.context["removed"]
    rest = sound(Layout([Block("b2", "divider")]))
    back = client.post(to("blocks"), sent(rest, do="undo", removed=removed))
    assert keys(back.content) == ["b1", "b2", "footer"]
    first = back.context["drawn"][0].pairs[0]
    assert (first.value, first.other_value) == ('a "quoted" <b>', "词")
    taken = client.post(to("blocks"), sent(layout, do="undo", removed=removed))
    assert keys(taken.content) == ["b3", "b1", "b2", "footer"], "its name was given to another meanwhile"
    for odd in (
        "",
        "{",
        "[]",
        '{"kind": "footer", "words": {}, "seals": {}, "key": "b1"}',
        '{"kind": "text"}',
    ):
        assert keys(client.post(to("blocks"), sent(rest, do="undo", removed=odd)).content) == ["b2", "footer"]


def test_the_footer_cannot_be_left_out_by_any_form(client, message) -> None:
    layout = sound(Layout([Block("b1", "text", {"en": {"text": "x"}})]))
    without = sent(layout, block=["b1"])
    assert client.post(to("change", message), without).status_code == 302
    first = sent(layout, block=["footer", "b1"], **{"footer-text": "why"})
    assert client.post(to("change", message), first).status_code == 302
    message.refresh_from_db()
    assert [block.kind for block in laid(message).blocks] == ["text", "footer"]
    assert message.body.index(">x<") < message.body.index(">why<")
    shown = client.post(to("check"), without).context["shown"]
    assert "/unsubscribe/" in shown.html
    assert "1 Example Street" in shown.html


def test_what_would_fail_is_refused_at_its_block_and_what_was_typed_stays(client, message) -> None:
    before = Message.objects.values().get()
    layout = sound(
        Layout([Block("b1", "text", {"en": {"text": "one\n{{ customer.name }}"}}), Block("b2", "button")])
    )
    refused = client.post(to("change", message), sent(layout))
    assert refused.status_code == 200
    told = refused.content.decode()
    assert "Line 2: Not everybody has “customer.name”" in told
    assert "one\n{{ customer.name }}</textarea>" in told
    drawn = refused.context["drawn"]
    assert [bool(pair.errors) for block in drawn[:2] for pair in block.pairs] == [True, True, True]
    refused = client.post(to("change", message), sent(sound(Layout([])), subject="{{ customer.name"))
    assert "subject" in refused.context["adminform"].form.errors
    assert Message.objects.values().get() == before


def test_what_is_too_long_is_refused_and_not_cut(client, message) -> None:
    words = "a" * 5001
    layout = sound(Layout([Block("b1", "text", {"en": {"text": words}})]))
    refused = client.post(to("change", message), sent(layout)).content.decode()
    assert "At most 5000 characters." in refused
    assert words in refused
    message.refresh_from_db()
    assert words not in message.body


def test_the_line_of_a_fault_is_told_while_it_is_written(client) -> None:
    layout = sound(Layout([Block("b1", "text", {"en": {"text": "one\n[x](http://)"}})]))
    told = client.post(to("check"), sent(layout)).content.decode()
    assert 'data-field="id_b1-text" data-line="2"' in told
    assert "“http://” names no server." in told
    empty = client.post(to("check"), sent(sound(Layout([Block("b1", "heading")]))))
    assert [one.text for one in empty.context["problems_found"]] == ["Write it, or take the block out."]
    assert "data-told" not in empty.content.decode(), "nothing is red before anything is written"


def test_the_rest_is_shown_while_one_block_needs_mending(client) -> None:
    layout = sound(
        Layout(
            [Block("b1", "text", {"en": {"text": "{{ cus"}}), Block("b2", "text", {"en": {"text": "Fine"}})]
        )
    )
    answer = client.post(to("check"), sent(layout))
    assert answer.context["shown_wrong"] == "Shown without what needs mending."
    assert "Fine" in answer.context["shown"].html


def test_a_look_is_dark_or_only_text_in_a_frame_without_rights(client, message) -> None:
    dark = client.post(to("check"), sent(laid(message), look="dark"))
    assert "prefers-color-scheme" not in dark.context["framed"]
    assert "(min-width: 0)" in dark.context["framed"]
    assert 'sandbox srcdoc="' in dark.content.decode()
    assert "allow-scripts" not in dark.content.decode()
    text = client.post(to("check"), sent(laid(message), look="text", look_in="zh-hans")).content.decode()
    assert "<iframe" not in text
    assert "您好" in text
    assert "More" in text


def test_a_mailbox_cuts_a_subject_after_as_many_letters_as_it_shows(client, message) -> None:
    told = client.post(to("check"), sent(laid(message), subject="a" * 45, preheader="")).context["mailbox"]
    assert [(row["subject"].shown, row["subject"].rest) for row in told["rows"]] == [
        ("a" * 40, "a" * 5),
        ("a" * 45, ""),
    ]
    assert told["rows"][0]["line"].shown.startswith("Hello")
    chinese = sent(laid(message), zh_subject="词" * 25, zh_preheader="行 < 二", look_in="zh-hans")
    rows = client.post(to("check"), chinese).context["mailbox"]["rows"]
    assert rows[0]["subject"].shown == "词" * 20, "a Chinese letter is twice as wide"
    assert rows[0]["line"].shown == "行 < 二"


def test_only_who_may_see_people_is_shown_a_message_as_one_of_them(client, message) -> None:
    desk.people(3)
    asked = sent(laid(message), look_as="p001", **{"b1-text": "Hello {{ customer.name | default: 'there' }}"})
    shown = client.post(to("check"), asked)
    assert "Hello P001" in shown.context["shown"].html
    assert "As p001 would get it" in shown.context["note"]
    by_address = client.post(to("check"), {**asked, "look_as": "p001@mail.example"})
    assert "Hello P001" in by_address.context["shown"].html
    assert client.post(to("check"), {**asked, "look_as": "nobody"}).context["shown"] is None
    vera = looker("view_message", "change_message")
    assert "Hello Anna" in vera.post(to("check"), asked).context["shown"].html
    assert 'name="look_as"' not in vera.get(to("change", message)).content.decode()


def test_who_may_only_look_sees_it_and_changes_nothing(client, message) -> None:
    before = Message.objects.values().get()
    vera = looker("view_message")
    page = vera.get(to("change", message))
    assert page.status_code == 200
    assert 'name="block"' not in page.content.decode()
    assert "<iframe" in page.content.decode()
    look = vera.post(f"{to('check')}?message={message.pk}", {"look": "text"})
    assert "Hello" in look.context["shown"].text
    for name in ("blocks", "try", "follow"):
        assert vera.post(to(name), sent(laid(message), do="remove:b1")).status_code == 403
        assert client.get(to(name)).status_code == 405
    assert vera.post(to("change", message), sent(laid(message), subject="Taken")).status_code == 403
    assert vera.post(to("write_source", message)).status_code == 403
    assert vera.get(to("duplicate", message)).status_code == 403
    assert Message.objects.values().get() == before


def test_what_is_being_written_is_sent_to_oneself_before_it_is_saved(client, message, sink: Sink) -> None:
    written = sent(laid(message), subject="Unsaved", to="marta@shop.example")
    told = client.post(to("try"), written).content.decode()
    assert "Sent to marta@shop.example at" in told
    assert "in the original" in told
    assert sink.recipients() == ["marta@shop.example"]
    refused = client.post(to("try"), {**written, "to": "p001@mail.example"}).content.decode()
    assert "your own address only" in refused
    assert sink.recipients() == ["marta@shop.example"]
    message.refresh_from_db()
    assert message.subject == "Hi"


def test_the_source_is_written_by_hand_once_that_was_confirmed_and_left_again_while_it_is_untouched(
    client, message
) -> None:
    asked = client.get(to("write_source", message)).content.decode()
    assert "no way back" in asked
    message.refresh_from_db()
    assert messages.layout_of(message) is not None, "asking changes nothing"
    assert client.post(to("write_source", message)).status_code == 302
    message.refresh_from_db()
    assert messages.layout_of(message) is None
    page = client.get(to("change", message)).content.decode()
    assert 'id="id_body"' in page
    assert to("back_to_blocks", message) in page
    as_it_is = {
        "name": "M", "slug": "m", "subject": "Hi", "preheader": "Line", "product_count": "4", "format": "mjml",
        "body": message.body.replace("\n", "\r\n"), "text": "", "zh_subject": "你好",
        "zh_body": message.translations["zh-hans"]["body"].replace("\n", "\r\n"),
    }  # fmt: skip
    assert client.post(to("change", message), as_it_is).status_code == 302, "saved without a change"
    assert client.post(to("back_to_blocks", message)).status_code == 302
    message.refresh_from_db()
    assert [block.key for block in laid(message).blocks] == ["b1", "b2", "footer"]


def test_there_is_no_way_back_to_the_blocks_once_the_source_was_changed(client, message) -> None:
    client.post(to("write_source", message))
    by_hand = {
        "name": "M", "slug": "m", "subject": "Hi", "preheader": "", "format": "html", "body": "<p>Mine</p>",
        "text": "", "product_count": "4",
    }  # fmt: skip
    assert client.post(to("change", message), by_hand).status_code == 302
    page = client.get(to("change", message)).content.decode()
    assert to("back_to_blocks", message) not in page
    assert client.post(to("back_to_blocks", message)).status_code == 302
    message.refresh_from_db()
    assert message.body == "<p>Mine</p>"
    assert messages.layout_of(message) is None


def test_a_source_that_was_changed_elsewhere_counts_and_its_blocks_do_not(client, message) -> None:
    message.body = message.body.replace("More", "Other")
    message.save()
    page = client.get(to("change", message)).content.decode()
    assert "the source is what counts now" in page
    assert 'id="id_body"' in page
    assert 'name="block"' not in page


def test_a_copy_begins_as_the_other_and_is_there_once_it_is_saved(client, message) -> None:
    answer = client.get(to("duplicate", message))
    assert answer["Location"] == f"{to('add')}?copy={message.pk}"
    page = client.get(answer["Location"])
    assert keys(page.content) == ["b1", "b2", "footer"]
    first = page.context["adminform"].form.initial
    assert (first["name"], first["slug"]) == ("M (copy)", "m-copy")
    assert Message.objects.count() == 1
    saved = sent(laid(message), name="M (copy)", slug="m-copy", zh_subject="你好")
    assert client.post(answer["Location"], saved).status_code == 302
    copy = Message.objects.get(slug="m-copy")
    assert copy.body == message.body
    again = client.get(f"{to('add')}?copy={copy.pk}").context["adminform"].form.initial
    assert again["slug"] == "m-copy-2"


def test_a_changed_original_is_said_until_its_translation_is_new_or_somebody_says_it_fits(
    client, message
) -> None:
    changed = sent(laid(message), **{"b1-text": "Good day"}, zh_subject="你好", zh_preheader="行")
    told = [(one.field, one.mend) for one in client.post(to("check"), changed).context["untranslated"]]
    assert told == [("zh_b1-text", "outdated"), ("zh_b2-text", "missing")]
    client.post(to("change", message), changed)
    message.refresh_from_db()
    assert messages.translated(message, "zh-hans") == (1, 1)
    page = client.get(to("change", message))
    assert "Chinese: 1 not translated, 1 outdated" in page.content.decode()
    fits = sent(laid(message), zh_subject="你好", zh_preheader="行", **{"b1-text-fits": "on"})
    client.post(to("change", message), fits)
    message.refresh_from_db()
    assert messages.translated(message, "zh-hans") == (1, 0)


def test_the_list_tells_languages_and_where_a_message_is_said(client, message) -> None:
    Message.objects.create(
        slug="only", name="Only", subject="{{ customer.name | default: 'you' }}", body="<p>x</p>"
    )
    for n in range(3):
        Campaign.objects.create(slug=f"c{n}", name=f"Campaign {n}", message=message)
    Variant.objects.create(
        campaign=Campaign.objects.create(slug="v", name="Varied"), key="a", message=message
    )
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(to("changelist")).content.decode()))
    assert "Original, Chinese (1 not translated)" in told
    assert "Only the original" in told
    assert "Campaign 2 , Campaign 1 and 2 more" in told
    assert " Anna " in told


def test_the_pages_ask_as_much_of_many_messages_as_of_few(client, message) -> None:
    def asked(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    desk.shop(21)
    pages = (to("changelist"), to("change", message), f"{to('add')}?layout=offer", to("add"))
    for url in pages:
        client.get(url)
    few = [asked(url) for url in pages]
    for n in range(30):
        row = Message.objects.create(slug=f"n{n}", name=f"N{n}", subject="x", body="x")
        Campaign.objects.create(slug=f"n{n}", name=f"N{n}", message=row)
    assert [asked(url) for url in pages] == few
    assert max(few) <= 30, few


def test_no_address_brings_in_blocks_or_translations_of_its_own(client) -> None:
    page = client.get(
        to("add"), {"layout": "empty", "blocks": "x", "translations": "y", "seals": "z", "name": "Named"}
    )
    assert page.status_code == 200
    assert keys(page.content) == ["b1", "b2", "footer"]
    assert 'value="Named"' in page.content.decode(), "a single field's first value may be told"
    assert client.get(to("add"), {"copy": "999999"}).status_code == 200
