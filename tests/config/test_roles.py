"""Somebody of each role tries every page, form, deletion and button of the desk; docs/roles.md says what they found."""

import html
import re
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from campaigns.models import Campaign, Delivery, Message, Offer
from config import roles
from config.role_table import buttons, rooms, table
from customers import sensitive
from customers.models import Jurisdiction, SensitiveUse
from tests import desk
from tests.conftest import NOW

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "roles.md"
NAMES = [role.name for role in roles.roles()]


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


def login(role: str) -> Client:
    user = User.objects.create_user(role.split()[0].lower(), password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def address(label: str, page: str, *args: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def may(client: Client, url: str, *, post: bool = False) -> bool:
    answer = client.post(url, {}) if post else client.get(url)
    assert answer.status_code in (200, 302, 403, 404), url
    return answer.status_code != 403


def test_s5_the_five_roles_are_there_and_hold_what_is_said(db: None) -> None:
    assert NAMES == ["Viewer", "Marketer", "Approver", "Privacy officer", "Administrator"]
    for role in roles.roles():
        user = User.objects.create_user(role.name, is_staff=True)
        user.groups.add(Group.objects.get(name=role.name))
        assert user.get_group_permissions() == role.permissions, role.name


def test_roles_put_again_ask_little_and_mend_what_was_changed(db: None) -> None:
    viewer = Group.objects.get(name="Viewer")
    viewer.permissions.clear()
    own = Group.objects.create(name="Our own")
    roles.put()
    assert viewer.permissions.count() == len(roles.roles()[0].permissions)
    assert own.permissions.count() == 0
    with CaptureQueriesContext(connection) as asked:
        roles.put()
    assert len(asked) <= 3 + 5 * 4


def test_the_page_of_roles_is_as_new() -> None:
    told = StringIO()
    call_command("roles", stdout=told)
    assert PAGE.read_text() == told.getvalue(), "manage.py roles > docs/roles.md"


def test_s5_every_page_is_somebodys() -> None:
    """Whatever the administrator may do stands in the table, and nobody else may more than they."""
    for label, by in table().items():
        assert (
            by["Administrator"] >= by["Viewer"] | by["Marketer"] | by["Approver"] | by["Privacy officer"]
        ), label
    assert set(table()) == set(rooms())


@pytest.mark.once
@pytest.mark.slow
def test_s5_each_role_does_on_each_page_what_the_table_says(db: None, settings) -> None:
    settings.UNFOLD = desk.short_menu()
    desk.shop()
    clients = {role: login(role.name) for role in roles.roles()}
    above, said, wrong = Client(), table(), []
    above.force_login(desk.staff())

    def check(url: str, right: str, deed: str = "", *, post: bool = False) -> None:
        """right : what Django asks for · deed : what the table says, where it can say it without a row in view."""
        # What nobody may, such as changing a ledger, no role may.
        by_anybody = may(above, url, post=post)
        for role, client in clients.items():
            expected = by_anybody and right in role.permissions
            try:
                found = may(client, url, post=post)
            except Exception as error:  # a page that breaks for this role alone
                wrong.append(f"{role.name} {url}: {error!r}")
                continue
            if found != expected or (deed and found and deed not in said[label][role.name]):
                wrong.append(f"{role.name} {url}: {'may' if found else 'may not'}")

    for label in rooms():
        row = apps.get_model(label)._default_manager.first()
        app, model = label.split(".")
        check(address(label, "changelist"), f"{app}.view_{model}", "view")
        check(address(label, "add"), f"{app}.add_{model}", "add")
        if row is None:
            assert app in ("axes", "auth"), f"the shop has a row of {label}"
            continue
        check(address(label, "change", row.pk), f"{app}.view_{model}", "view")
        check(address(label, "change", row.pk), f"{app}.change_{model}", "change", post=True)
        check(address(label, "delete", row.pk), f"{app}.delete_{model}")
    assert wrong == []
    assert len(said) > 60


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_s5_each_role_presses_only_its_buttons(db: None, name: str) -> None:
    desk.shop()
    client, wrong, tried = login(name), [], 0
    role = next(role for role in roles.roles() if role.name == name)
    for label, room in rooms().items():
        row = apps.get_model(label)._default_manager.first()
        app, model = label.split(".")
        rights = {
            **{
                need: f"{app}.{deed}_{model}"
                for need, deed in (("view", "view"), ("act", "change"), ("write", "add"))
            },
            "people": "customers.view_customer",
            "answer": "customers.change_privacyrequest",
            "train": "recommender.change_trainingrun",
            "reviews": "catalog.view_review",
            "pool": "campaigns.change_offer",
            "begin": "campaigns.add_campaign",
        }
        for button, _words, need in buttons(room):
            try:
                url = address(label, button)
            except NoReverseMatch:
                url = address(label, button, row.pk)
            tried += 1
            if may(client, url) != (rights[need] in role.permissions):
                wrong.append(url)
    assert wrong == []
    assert tried > 30


def test_s5_pages_of_a_campaign_are_for_whoever_may(db: None) -> None:
    row = desk.shop()
    pages = {
        f"admin:campaigns_campaign_{page}": "view" for page in ("report", "size", "uplift", "private")
    } | {"admin:campaigns_fairnesscheck_of": "view", "admin:campaigns_journeyversion_of": "view"}
    for name in NAMES:
        client = login(name)
        for page in pages:
            assert may(client, reverse(page, args=[row.pk])), (name, page)
        acts = name in ("Marketer", "Approver", "Administrator")
        pause = reverse("admin:campaigns_campaign_step", args=[row.pk, "pause"])
        assert may(client, pause) is acts
        assert may(client, reverse("admin:campaigns_campaign_uplift", args=[row.pk]), post=True) is acts
        assert may(client, reverse("admin:campaigns_fairnesscheck_of", args=[row.pk]), post=True) is acts
        lets_out = name in ("Privacy officer", "Administrator")
        private = reverse("admin:campaigns_campaign_private", args=[row.pk])
        assert may(client, private, post=True) is lets_out
        assert may(client, reverse("admin:papers")) is lets_out
        assert (reverse("admin:auth_user_changelist") in client.get("/admin/").content.decode()) is (
            name == "Administrator"
        )


@pytest.mark.once
@pytest.mark.parametrize("name", ["Viewer", "Approver"])
def test_s5_the_home_page_leads_nobody_to_a_closed_door(db: None, name: str) -> None:
    row = desk.shop()
    Delivery.objects.filter(pk=Delivery.objects.values("pk")[:1]).update(status="unknown")
    Campaign.objects.filter(pk=row.pk).update(status="draft")
    client = login(name)
    links = set(re.findall(r'href="(/admin/[^"#]+)"', client.get(reverse("admin:index")).content.decode()))
    assert len(links) > 10
    assert [
        link for link in sorted(links) if "logout" not in link and not may(client, html.unescape(link))
    ] == []
    waiting = client.get(reverse("admin:index")).context["needs"]
    assert any("unknown fate" in need.words for need in waiting) is (name == "Approver")
    assert any("campaign draft" in need.words for need in waiting) is (name == "Approver")


def test_s5_a_viewer_changes_nothing_by_any_form(db: None) -> None:
    row, client = desk.shop(), login("Viewer")
    before = [list(model.objects.order_by("pk").values()) for model in (Campaign, Offer, Message)]
    for label, pk in (("campaigns.campaign", row.pk), ("campaigns.message", row.message_id)):
        assert not may(client, address(label, "change", pk), post=True)
    chosen = {"action": "delete_selected", "_selected_action": [str(row.message_id)], "post": "yes"}
    client.post(address("campaigns.message", "changelist"), chosen)
    assert [list(model.objects.order_by("pk").values()) for model in (Campaign, Offer, Message)] == before


def test_s5_a_marketer_asks_for_a_sensitive_attribute_and_an_approver_lets_them(db: None) -> None:
    desk.shop()
    marketer, approver = login("Marketer"), login("Approver")
    attribute = sensitive.declared() and SensitiveUse.objects.first().attribute
    wish = {
        "attribute": attribute.pk,
        "where": "offer:senior",
        "reason": "A discount for the retired, by law.",
    }
    assert marketer.post(address("customers.sensitiveuse", "add"), wish).status_code == 302
    use = SensitiveUse.objects.get(where="offer:senior")
    assert use.asked_by == "marketer"
    approve = address("customers.sensitiveuse", "approve", use.pk)
    assert not may(marketer, approve, post=True)
    assert not may(approver, address("customers.sensitiveuse", "add"))
    until = NOW.replace(year=NOW.year + 40).date().isoformat()
    approver.post(approve, {"until": until})
    use.refresh_from_db()
    assert use.approved_by in ("", "approver")
    assert approver.post(approve, {"until": until}).status_code in (200, 302)


def test_s5_who_may_only_look_at_a_law_reads_what_silence_means(db: None) -> None:
    california = Jurisdiction.objects.get(code="US-CA")
    answer = login("Marketer").get(address("customers.jurisdiction", "change", california.pk))
    assert answer.status_code == 200
    assert "yes to: " in answer.content.decode()


def test_s5_the_five_roles_stand_and_ones_own_are_made_beside_them(db: None) -> None:
    client, viewer = login("Administrator"), Group.objects.get(name="Viewer")
    assert not may(client, address("auth.group", "change", viewer.pk), post=True)
    assert not may(client, address("auth.group", "delete", viewer.pk))
    assert client.post(address("auth.group", "add"), {"name": "Our own"}).status_code == 302
    told = client.get(address("auth.group", "change", viewer.pk)).content.decode()
    assert "nothing of any one person" in told
    assert "segments: sees" in told
    own = Group.objects.get(name="Our own")
    field = (
        client.get(address("auth.group", "change", own.pk)).context["adminform"].form.fields["permissions"]
    )
    with translation.override("zh-hans"):
        offered = [words for _pk, words in field.choices]
    assert "活动 | 细分 | 查看" in offered
    assert not [words for words in offered if "Can add" in words]
    assert may(client, address("auth.group", "delete", own.pk))


def test_s5_an_administrator_makes_no_superuser_and_changes_none(db: None) -> None:
    above, client = desk.staff(), login("Administrator")
    assert not may(client, address("auth.user", "change", above.pk), post=True)
    assert not may(client, address("auth.user", "delete", above.pk))
    assert not may(client, reverse("admin:auth_user_password_change", args=[above.pk]), post=True)
    vera = User.objects.create_user("vera", is_staff=True)
    form = client.get(address("auth.user", "change", vera.pk)).context["adminform"].form
    assert "groups" in form.fields
    assert not {"is_superuser", "user_permissions"} & set(form.fields)
