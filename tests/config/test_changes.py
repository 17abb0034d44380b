"""The audit log: every change by a person or a key, before and after; nothing of a person in it; only added to (S5)."""

import asyncio
import csv
import socket
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.management.commands.mail_sink import Outbox
from campaigns.models import FrequencyCap, Offer, Segment, Tag, WebhookEndpoint
from config import changes
from config.changes import admin as changes_admin
from config.models import Change
from customers import access, privacy, retention
from customers.models import ApiKey
from tests import desk
from tests.conftest import NOW, Caller, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.UNFOLD = desk.short_menu()


@pytest.fixture
def marta(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def newest() -> Change:
    return Change.objects.latest("pk")


def segment_form(**said: str) -> dict[str, str]:
    return {
        "slug": "germans",
        "name": "Germans",
        "description": "",
        "rule": '{"attribute": "country", "is": "DE"}',
    } | said


def test_s5_a_form_tells_each_field_before_and_after(marta):
    marta.post(reverse("admin:campaigns_segment_add"), segment_form())
    row = Segment.objects.get(slug="germans")
    made = newest()
    assert (made.who, made.door, made.deed, made.model, made.name) == (
        "marta",
        "desk",
        "added",
        "campaigns.segment",
        "Germans",
    )
    assert made.fields["rule"] == [None, {"attribute": "country", "is": "DE"}]
    marta.post(
        reverse("admin:campaigns_segment_change", args=[row.pk]),
        segment_form(rule='{"attribute": "country", "is": "FR"}'),
    )
    changed = newest()
    assert (changed.deed, changed.object_id) == ("changed", str(row.pk))
    assert changed.fields == {
        "rule": [{"attribute": "country", "is": "DE"}, {"attribute": "country", "is": "FR"}]
    }


def test_s5_a_deletion_tells_what_there_was(marta):
    cap = FrequencyCap.objects.create(name="Weekly", most=2)
    before = changes.state_of(cap)
    marta.post(reverse("admin:campaigns_frequencycap_delete", args=[cap.pk]), {"post": "yes"})
    told = newest()
    assert (told.deed, told.object_id, told.words) == ("deleted", str(cap.pk), "")
    assert {name: pair[0] for name, pair in told.fields.items()} == {
        name: value for name, value in before.items() if value is not None
    }


def test_s5_a_step_taken_by_a_button_tells_its_words_and_what_it_changed(marta):
    key, value = access.create_key("secret", label="till")
    marta.post(reverse("admin:customers_apikey_revoke", args=[key.pk]))
    told = newest()
    assert (told.deed, told.words, told.name) == ("did", "Revoked.", f"till ({value[:8]}…)")
    assert [*told.fields] == ["revoked_at"]
    assert value not in str(Change.objects.values_list("fields"))
    assert ApiKey.objects.get(pk=key.pk).key_hash not in str(Change.objects.values_list("fields"))


def test_s5_a_role_and_who_has_it_are_told(marta):
    user = User.objects.create_user("vera", password=desk.PASSWORD)
    group = Group.objects.get(name="Viewer")
    marta.post(
        reverse("admin:auth_user_change", args=[user.pk]),
        {"username": "vera", "groups": [group.pk], "is_staff": "on", "is_active": "on"}
        | {"date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"},
    )
    told = newest()
    assert told.fields["groups"] == [[], ["Viewer"]]
    assert told.fields["is_staff"] == [False, True]
    marta.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"password1": "another long password", "password2": "another long password"}
        | {"usable_password": "true"},
    )
    told = newest()
    assert told.fields["password"] == []  # that it is another, and no more
    assert "argon2" not in str([*Change.objects.values()])


def test_s5_a_key_of_the_api_tells_the_same(server):
    server("POST", "segments", {"slug": "s", "name": "S", "rule": {"attribute": "country", "is": "DE"}})
    made = newest()
    assert (made.door, made.deed, made.model, made.name) == ("api", "added", "campaigns.segment", "S")
    assert made.who == f"{ApiKey.objects.get().prefix}…"
    server("PATCH", "segments/s", {"name": "T"})
    changed = newest()
    assert (changed.deed, changed.fields) == ("changed", {"name": ["S", "T"]})
    before = Change.objects.count()
    assert server("PATCH", "segments/s", {"rule": {"nothing": 1}}).status == 400
    assert server("GET", "segments/s").status == 200
    assert Change.objects.count() == before


def test_s5_webhooks_of_the_api_tell_no_secret(client):
    caller = desk_caller(client, "webhooks:write", "webhooks:read")
    made = caller(
        "POST",
        "webhooks",
        {"name": "Shop", "receiver": "own", "url": "https://shop.example/hook", "types": ["code.redeemed"]},
    )
    assert made.status == 201, made.body
    secret = made.body["secret"]
    pk = WebhookEndpoint.objects.get().pk
    assert newest().object_id == str(pk)
    renewed = caller("POST", f"webhooks/{pk}/rotate").body["secret"]
    assert newest().words == "Renewed its secret."
    caller("DELETE", f"webhooks/{pk}")
    assert newest().deed == "deleted"
    told = str([*Change.objects.values()])
    assert secret not in told
    assert renewed not in told


def desk_caller(client, *scopes: str):
    return Caller(client, access.create_key("secret", scopes=scopes)[1])


def test_s5_who_came_in_who_was_refused_and_who_left():
    User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    client = Client()
    login = reverse("admin:login")
    client.post(login, {"username": "vera", "password": "wrong"})
    assert (newest().deed, newest().who) == ("refused", "vera")
    before = Change.objects.count()
    client.post(login, {"username": "my password in the wrong field", "password": "x"})
    assert Change.objects.count() == before
    client.post(login, {"username": "vera", "password": desk.PASSWORD})
    assert (newest().deed, newest().who) == ("logged_in", "vera")
    address = reverse("admin:campaigns_offer_add")
    assert client.get(address).status_code == 403
    assert (newest().deed, newest().who, newest().words) == ("refused", "vera", f"GET {address}")
    said = {"old_password": desk.PASSWORD, "new_password1": "another long password"}
    client.post(reverse("admin:password_change"), said | {"new_password2": "another long password"})
    assert (newest().deed, newest().words) == ("did", "Changed the password that they log in with.")
    client.post(reverse("admin:logout"))
    assert (newest().deed, newest().who) == ("logged_out", "vera")


def test_d2_nothing_of_a_person_stands_in_it(marta):
    anna = person("canary", allows=["marketing_email"])
    marta.post(reverse("admin:customers_customer_stop_everything", args=[anna.pk]))
    told = newest()
    assert (told.model, told.object_id, told.name) == ("customers.customer", str(anna.pk), "")
    assert told.words == "Withdrew every permission."
    marta.post(
        reverse("admin:customers_customer_change", args=[anna.pk]), {"country": "FR", "email": "c@x.example"}
    )
    assert all(
        pair == []
        for entry in Change.objects.filter(model="customers.customer")
        for pair in entry.fields.values()
    )
    rule = '{"attribute": "id", "is": "canary"}'
    marta.post(reverse("admin:campaigns_segment_add"), segment_form(rule=rule))
    assert newest().fields["rule"][1] == {"attribute": "id", "is": "…"}
    privacy.erase(anna.pk, actor="tests", at=NOW)
    assert "canary" not in str([*Change.objects.values()])


def test_n1_a_history_quotes_no_number_of_people(marta):
    row = desk.campaign(offers=[])
    desk.people(5)
    marta.post(reverse("admin:campaigns_campaign_step", args=[row.pk, "approve"]))
    told = newest()
    assert (told.deed, told.words) == ("did", "Took the step “approve”.")
    assert told.fields["approved_people"] == []
    assert told.fields["status"] == ["draft", "approved"]


def test_the_pages_of_the_log_ask_no_more_of_many_entries_than_of_few(marta):
    row = Segment.objects.create(slug="s", name="S", rule={})
    pages = (
        reverse("admin:config_change_changelist"),
        reverse("admin:campaigns_segment_history", args=[row.pk]),
    )

    def asked(page: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert marta.get(page).status_code == 200
        return len(captured)

    said = {"at": NOW, "door": "desk", "who": "marta", "deed": "changed", "model": "campaigns.segment"}
    Change.objects.create(object_id=str(row.pk), fields={"name": ["a", "b"]}, **said)
    few = [asked(page) for page in pages for _twice in range(2)][1::2]
    for n in range(40):
        Change.objects.create(object_id=str(row.pk), fields={"name": ["a", str(n)]}, **said)
    assert [asked(page) for page in pages] == few
    assert max(few) < 20


def test_it_is_only_added_to_and_goes_after_three_years():
    young, old = (
        Change.objects.create(at=at, door="desk", who="marta", deed="changed")
        for at in (NOW - timedelta(days=30), NOW - timedelta(days=1200))
    )
    for forbidden in (
        lambda: Change.objects.filter(pk=young.pk).update(who="somebody"),
        lambda: Change.objects.filter(pk=young.pk).delete(),
        lambda: Change.objects.filter(pk=old.pk).update(who="somebody"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            forbidden()
    retention.drop_old(at=NOW)
    assert [*Change.objects.values_list("pk", "who")] == [(young.pk, "marta")]


def test_the_list_is_searched_filtered_and_linked_from_the_thing(marta):
    marta.post(reverse("admin:campaigns_segment_add"), segment_form())
    row = Segment.objects.get()
    marta.post(reverse("admin:campaigns_segment_change", args=[row.pk]), segment_form(name="All Germans"))
    listed = reverse("admin:config_change_changelist")
    for question, found in (
        ("?q=Germans", 2),
        ("?q=marta&deed__exact=changed", 1),
        (f"?model=campaigns.segment&object_id={row.pk}", 2),
        ("?model=campaigns.offer", 0),
        ("?at_from=2020-01-01&at_to=2020-02-01", 0),
        (f"?at_from={timezone.now().date()}&at_to={timezone.now().date()}&q=Germans", 2),
        ("?at_from=0001-01-01&at_to=9999-12-31&q=Germans", 2),
    ):
        answer = marta.get(listed + question)
        assert answer.context["cl"].result_count == found, question
    history = marta.get(reverse("admin:campaigns_segment_history", args=[row.pk])).content.decode()
    assert "<del>Germans</del>" in history
    assert "<ins>All Germans</ins>" in history
    assert f"object_id={row.pk}" in history


def test_words_are_looked_for_among_the_newest_and_who_did_it_among_all(marta, monkeypatch):
    """Four entries, the eldest of them ana's; words are looked for in the newest two that the filters leave."""
    monkeypatch.setattr(changes_admin, "NEWEST", 2)
    Change.objects.all().delete()
    for age, who, deed in ((9, "ana", "did"), (8, "ben", "did"), (7, "ben", "added"), (6, "ben", "added")):
        at = timezone.now() - timedelta(days=age)
        Change.objects.create(at=at, door="desk", who=who, deed=deed, name="Autumn sale", object_id=f"7{age}")
    listed = reverse("admin:config_change_changelist")
    day = (timezone.now() - timedelta(days=9)).date()
    for question, found in (
        ("?q=autumn", ["76", "77"]),
        ("?q=autumn sale", ["76", "77"]),
        ("?q=79", []),
        ("?q=ana", ["79"]),
        ("?q=ben", ["76", "77", "78"]),
        ("?q=autumn&deed__exact=did", ["78", "79"]),
        (f"?q=autumn&at_from={day}&at_to={day}", ["79"]),
    ):
        rows = marta.get(listed + question).context["cl"].result_list
        assert [row.object_id for row in rows] == found, question


def test_the_file_holds_what_the_list_shows_and_no_formula(marta):
    Offer.objects.all().delete()
    marta.post(reverse("admin:campaigns_segment_add"), segment_form(name="=HYPERLINK(1)"))
    answer = marta.get(reverse("admin:config_change_file") + "?deed__exact=added")
    rows = [*csv.DictReader(b"".join(answer).decode().splitlines())]
    assert [(row["who"], row["deed"], row["name"]) for row in rows] == [("marta", "added", "'=HYPERLINK(1)")]
    assert (newest().deed, newest().who) == ("took_out", "marta")


@pytest.mark.parametrize(
    ("role", "may"),
    [("Marketer", False), ("Approver", False), ("Privacy officer", True), ("Administrator", True)],
)
def test_who_may_read_it(role, may):
    user = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    for name in ("changelist", "file"):
        assert (client.get(reverse(f"admin:config_change_{name}")).status_code == 200) is may
    row = Change.objects.create(at=NOW, door="desk", who="marta", deed="changed")
    for name in ("change", "delete"):
        client.post(reverse(f"admin:config_change_{name}", args=[row.pk]), {"post": "yes", "who": "x"})
    assert Change.objects.get(pk=row.pk).who == "marta"


class _WritesMeanwhile(Outbox):
    """A mail server that writes into our database before it takes the mail in."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.to_thread(self._write)
        return await super().handle_DATA(server, session, envelope)

    def _write(self) -> None:
        Tag.objects.create(slug="meanwhile", name="Meanwhile")
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_a_test_mail_is_sent(server: Caller, settings, tmp_path) -> None:
    desk.staff()
    row = desk.campaign(offers=[])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Controller(
        _WritesMeanwhile(tmp_path / "box", tmp_path / "box.log"), hostname="127.0.0.1", port=port
    )
    box.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    assert server("POST", f"campaigns/{row.slug}/test", {"staff": "marta"}).body == {"sent": True}
    box.stop()
    assert Tag.objects.filter(slug="meanwhile").exists()
    assert (newest().object_id, newest().words) == (str(row.pk), "Sent a test.")
