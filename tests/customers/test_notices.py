"""The words people are asked with, and what is right when they change: C7."""

import hashlib
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from customers import consent, purposes
from customers.models import ConsentRecord, ConsentState, Customer, Notice
from customers.purposes import PURPOSES, UnknownNotice, current_notice
from tests import desk
from tests.conftest import NOW, Caller, evidence, person

pytestmark = pytest.mark.django_db
NEW = {
    "slug": "shop-mail",
    "purpose": "marketing_email",
    "english": "Weekly\r\noffers",
    "chinese": "每周优惠",
}


def write(slug: str, version: int, purpose: str, **texts: str) -> None:
    for language, text in texts.items():
        code = language.replace("_", "-")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        Notice.objects.create(
            slug=slug, version=version, language=code, purpose=purpose, text=text, sha256=sha256
        )


def address(page: str, *args: object) -> str:
    return reverse(f"admin:customers_notice_{page}", args=args)


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


# --- which words hold -------------------------------------------------------------------------------------------


def test_c7_a_version_is_shown_to_nobody_before_it_is_written_in_both_languages() -> None:
    write("shop", 1, "analytics", en="New words")
    assert current_notice("analytics", "en").notice == "analytics@1"
    assert current_notice("analytics", "zh-hans").notice == "analytics@1"
    write("shop", 1, "analytics", zh_hans="新文本")
    assert current_notice("analytics", "en").text == "New words"
    assert current_notice("analytics", "zh-hans").text == "新文本"
    write("shop", 2, "analytics", zh_hans="更新的文本")
    assert current_notice("analytics", "zh-hans").text == "新文本", "never two versions side by side"
    assert purposes.versions("analytics")[0].missing == ("en",)


def test_the_words_of_one_purpose_are_no_other_s() -> None:
    write("shop", 1, "analytics", en="New", zh_hans="新")
    assert current_notice("personalization", "en").notice == "personalization@1"
    with pytest.raises(UnknownNotice):
        purposes.find_notice("shop@1", "en", "personalization")
    with pytest.raises(UnknownNotice):
        current_notice("world_domination", "en")


def test_c7_a_new_version_never_widens_an_old_grant(
    anna: Customer, boris: Customer, clara: Customer, server: Caller
) -> None:
    people = [anna.pk, boris.pk, clara.pk]
    before = {purpose: consent.verdicts(people, purpose) for purpose in PURPOSES}
    lines = list(ConsentRecord.objects.order_by("pk").values())
    for purpose in PURPOSES:
        write(purpose, 2, purpose, en=f"Much more for {purpose}", zh_hans=f"更多 {purpose}")
    assert {purpose: consent.verdicts(people, purpose) for purpose in PURPOSES} == before
    assert list(ConsentRecord.objects.order_by("pk").values()) == lines
    # What Anna said yes to stays what she read.
    record = before["analytics"][anna.pk].record_id
    receipt = server("GET", f"customers/anna/consents/{record}/receipt").body
    assert (receipt["record"]["notice"], receipt["text"]) == (
        "analytics@1",
        "Remember what I look at in the shop",
    )
    assert hashlib.sha256(receipt["text"].encode()).hexdigest() == receipt["record"]["notice_sha256"]


def test_c7_a_yes_keeps_the_version_that_was_shown_even_where_a_newer_one_holds(boris: Customer) -> None:
    write("analytics", 2, "analytics", en="Wider", zh_hans="更广")
    old = consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    assert (old.notice, old.notice_sha256) == (
        "analytics@1",
        purposes.find_notice("analytics@1", "en", "analytics").sha256,
    )


# --- the desk ---------------------------------------------------------------------------------------------------


def test_both_languages_are_written_at_once_and_stand_side_by_side(client: Client) -> None:
    assert client.post(address("add"), NEW).status_code == 302
    rows = Notice.objects.order_by("language")
    assert [(row.slug, row.version, row.language, row.text) for row in rows] == [
        ("shop-mail", 1, "en", "Weekly\noffers"),
        ("shop-mail", 1, "zh-hans", "每周优惠"),
    ]
    assert [row.sha256 for row in rows] == [hashlib.sha256(row.text.encode()).hexdigest() for row in rows]
    listed = client.get(address("changelist"))
    assert listed.context["cl"].result_count == 1, "a row a version"
    for page in (listed, client.get(address("change", rows[0].pk)), client.get(address("in_force"))):
        text = page.content.decode()
        assert "Weekly" in text
        assert "每周优惠" in text
    assert LogEntry.objects.get().user.username == "marta"


def test_c7_a_version_is_never_edited_and_a_new_one_starts_from_the_old_words(client: Client) -> None:
    client.post(address("add"), NEW)
    row = Notice.objects.get(language="en")
    assert client.post(address("change", row.pk), {**NEW, "english": "Daily"}).status_code == 403
    assert client.post(address("delete", row.pk), {"post": "yes"}).status_code == 403
    form = client.get(address("new_version", row.pk), follow=True)
    assert form.context["adminform"].form.initial["english"] == "Weekly\noffers"
    assert form.context["adminform"].form.initial["chinese"] == "每周优惠"
    client.post(address("add"), {**NEW, "english": "Daily offers", "chinese": "每日优惠"})
    assert current_notice("marketing_email", "en").notice == "shop-mail@2"
    row.refresh_from_db()
    assert row.text == "Weekly\noffers"
    assert purposes.find_notice("shop-mail@1", "en", "marketing_email").text == "Weekly\noffers"


def test_the_built_in_words_are_version_one_and_can_be_followed(client: Client) -> None:
    form = client.get(address("add"), {"purpose": "soft_opt_in"}).context["adminform"].form
    assert form.initial["slug"] == "soft_opt_in"
    assert "Tick here" in form.initial["english"]
    client.post(
        address("add"),
        {"slug": "soft_opt_in", "purpose": "soft_opt_in", "english": "Tick", "chinese": "勾选"},
    )
    assert current_notice("soft_opt_in", "en").notice == "soft_opt_in@2"


def test_a_version_in_one_language_says_that_it_is_shown_to_nobody_and_can_be_completed(
    client: Client,
) -> None:
    saved = client.post(address("add"), {**NEW, "chinese": ""}, follow=True)
    assert "shown to nobody until" in saved.content.decode()
    row = Notice.objects.get()
    page = client.get(address("change", row.pk)).content.decode()
    assert re.search(r"shown to nobody: .* is missing", page)
    assert current_notice("marketing_email", "en").notice == "marketing_email@1"
    form = client.get(address("complete", row.pk), follow=True).context["adminform"].form
    assert (form.initial["completes"], form.initial["english"]) == (row.pk, "Weekly\noffers")
    changed = {**NEW, "completes": row.pk, "english": "Other words"}
    assert "never edited" in client.post(address("add"), changed).content.decode()
    assert client.post(address("add"), {**NEW, "completes": row.pk}).status_code == 302
    assert set(Notice.objects.values_list("version", "language")) == {(1, "en"), (1, "zh-hans")}
    assert current_notice("marketing_email", "en").notice == "shop-mail@1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"english": "", "chinese": ""},
        {"slug": "analytics"},
        {"slug": "no good"},
        {"purpose": "world_domination"},
        {"completes": "99"},
    ],
)
def test_what_is_no_notice_is_not_written(client: Client, wrong: dict) -> None:
    assert client.post(address("add"), {**NEW, **wrong}).status_code == 200
    assert not Notice.objects.exists()


def test_the_page_says_how_many_said_yes_to_it(client: Client) -> None:
    write("analytics", 2, "analytics", en="Wider", zh_hans="更广")
    proof = consent.Evidence("analytics@2", "en", "checkbox", "tests", "customer")
    for name in ("dora", "emil", "fritz"):
        consent.give(person(name).pk, "analytics", evidence=proof, at=NOW)
    gone = Customer.objects.get(external_id="emil")
    consent.withdraw(gone.pk, "analytics", method="m", source="s", actor="customer", at=NOW)
    consent.give(person("gus").pk, "analytics", evidence=evidence("analytics"), at=NOW)
    page = client.get(address("change", Notice.objects.earliest("pk").pk))
    (section,) = page.context["sections"]
    assert [row[1] for row in section.rows[1:]] == ["< 20", "< 20", "0"], "N1: a few are not counted"
    assert ConsentState.objects.filter(purpose="analytics", granted=True).count() == 3
