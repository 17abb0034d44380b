"""Every page of the desk opens, in both languages, with as many queries at many rows as at few."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone

from campaigns.models import CampaignSegment, Delivery, Variant
from config.models import Change
from customers.models import SilentYes
from recommender.models import Promotion
from tests import desk
from tests.conftest import journal_at

ROOMS = ("catalog", "customers", "recommender", "campaigns")
INLINE = {CampaignSegment, Promotion, SilentYes, Variant}
LEDGERS = (
    "customers.consentrecord", "customers.consentstate", "customers.event", "customers.idempotentreply",
    "customers.personkey", "customers.importrun", "campaigns.decision", "campaigns.delivery", "campaigns.outcome",
    "campaigns.redemption", "recommender.modelversion", "recommender.trainingrun",
    "recommender.shown",
    "recommender.paircount", "recommender.pairshard",
    "campaigns.bounce", "campaigns.journeyentry", "campaigns.journeyversion", "campaigns.journeyvisit",
    "campaigns.trigger", "campaigns.sharechange", "campaigns.upliftstudy", "campaigns.upliftscore",
    "campaigns.codemisuse", "campaigns.capcount",
    "customers.checkpoint", "customers.contactchoice", "customers.softoptin", "campaigns.savedreport",
    "campaigns.privaterelease", "recommender.refusedinterest", "customers.policyversion", "customers.formerlaw",
)  # fmt: skip
ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


def models() -> list[type]:
    return [model for label in ROOMS for model in apps.get_app_config(label).get_models()]


NAMES = [model._meta.label_lower for model in models() if model not in INLINE]


def address(name: str, page: str, *args: object) -> str:
    return reverse(f"admin:{name.replace('.', '_')}_{page}", args=args)


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = ADDRESS


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker, tmp_path_factory) -> Iterator[Path]:
    """A shop that is built once for all tests of this file, and its journal; what a test changes is rolled back."""
    journal = tmp_path_factory.mktemp("kept") / "journal"
    whole = transaction.atomic()
    whole._from_testcase = True  # as Django's own around a test: no reason to forbid what must be outermost
    with django_db_blocker.unblock(), whole:
        with journal_at(journal), override_settings(POSTAL_ADDRESS=ADDRESS):
            desk.shop()
        yield journal
        transaction.set_rollback(True)


@pytest.fixture
def shop(kept: Path, db: None, settings) -> None:
    shutil.copytree(kept, settings.JOURNAL_DIR)


@pytest.fixture(scope="module")
def asked(kept: Path, tmp_path_factory) -> dict[str, tuple[int, int]]:
    """How many queries each list asks in the shop, and in one with many more rows."""
    journal = tmp_path_factory.mktemp("many") / "journal"
    shutil.copytree(kept, journal)
    shown = override_settings(POSTAL_ADDRESS=ADDRESS, UNFOLD=desk.short_menu())
    with transaction.atomic(), journal_at(journal), shown:
        client = Client()
        client.force_login(desk.staff())
        for name in NAMES:  # whatever is loaded once
            client.get(address(name, "changelist"))
        few = {name: queries(client, address(name, "changelist")) for name in NAMES}
        desk.shop(21, prefix="q")
        many = {name: queries(client, address(name, "changelist")) for name in NAMES}
        transaction.set_rollback(True)
    return {name: (few[name], many[name]) for name in NAMES}


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_every_model_has_its_page():
    assert {model for model in models() if not admin.site.is_registered(model)} == INLINE


# What a database is asked does not depend on the language.
@pytest.mark.parametrize("language", ["en", pytest.param("zh-hans", marks=pytest.mark.once)])
@pytest.mark.parametrize("name", NAMES)
def test_lists_and_forms_open(client, shop, settings, name, language):
    settings.UNFOLD = desk.short_menu()
    client.cookies["django_language"] = language
    model = apps.get_model(name)
    row = model._default_manager.first()
    assert row is not None, "the shop has a row of everything"
    assert client.get(address(name, "changelist")).status_code == 200
    assert client.get(address(name, "changelist"), {"q": "1"}).status_code == 200
    assert client.get(address(name, "change", row.pk)).status_code == 200
    page = admin.site.get_model_admin(model)
    added = client.get(address(name, "add"))
    may_add = page.has_add_permission(added.wsgi_request)
    assert added.status_code == (200 if may_add else 403)


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_a_list_asks_no_more_of_many_rows_than_of_few(asked, name):
    few, many = asked[name]
    assert many <= few
    assert many < 20


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("customers.event", "order_id"),
        ("customers.event", "customer__external_id"),
        ("customers.event", "message_id"),
        ("customers.consentrecord", "customer_id"),
        ("customers.consentstate", "purpose"),
        ("campaigns.decision", "id"),
        ("campaigns.code", "value"),
        ("recommender.clustermembership", "cluster"),
    ],
)
def test_what_is_asked_for_exactly_is_found_by_its_index(client, shop, name, column):
    rows = apps.get_model(name)._default_manager.order_by("pk")
    told = str(rows.values_list(column, flat=True)[1])
    expected = set(rows.filter(**{column: told}).values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address(name, "changelist"), {"q": f" {told} "})
    assert expected <= {row.pk for row in answer.context["cl"].result_list}
    # Compared in capital letters, no index would help.
    assert not any("UPPER(" in query["sql"] or "LIKE" in query["sql"] for query in captured.captured_queries)
    with CaptureQueriesContext(connection) as captured:
        none = client.get(address(name, "changelist"), {"q": "nobody-at-all"})
    assert list(none.context["cl"].result_list) == []
    said = " ".join(query["sql"] for query in captured.captured_queries)
    # Neither has an index that begins with it.
    assert '"purpose" =' not in said
    assert ('"message_id" =' in said) == ('"source" IN' in said) == (name == "customers.event")


@pytest.mark.parametrize("name", ["customers.customer", "campaigns.campaign", "campaigns.segment"])
def test_a_page_asks_no_more_of_many_rows_than_of_few(client, shop, name):
    row = apps.get_model(name)._default_manager.order_by("pk")[1 if name.endswith("customer") else 0]
    client.get(address(name, "change", row.pk))  # whatever is loaded once
    few = queries(client, address(name, "change", row.pk))
    desk.shop(21, prefix="q")
    assert queries(client, address(name, "change", row.pk)) <= few


@pytest.mark.once
@pytest.mark.parametrize("name", LEDGERS)
def test_l1_ledgers_are_only_read(client, shop, name):
    model = apps.get_model(name)
    row = model._default_manager.first()
    before = list(model._default_manager.order_by("pk").values())
    for url in (
        address(name, "add"),
        address(name, "change", row.pk),
        address(name, "delete", row.pk),
    ):
        assert client.post(url, {"post": "yes"}).status_code == 403
    client.post(
        address(name, "changelist"),
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )
    assert list(model._default_manager.order_by("pk").values()) == before


def test_home_asks_no_more_of_many_rows_than_of_few(client, shop):
    client.get(reverse("admin:index"))  # whatever is loaded once
    few = queries(client, reverse("admin:index"))
    desk.shop(21, prefix="q")
    many = queries(client, reverse("admin:index"))
    assert many <= few
    assert many < 40


def test_home_tells_what_needs_a_person(client, shop):
    delivery = Delivery.objects.filter(status="sent").first()
    Delivery.objects.filter(pk=delivery.pk).update(status="unknown")
    desk.campaign(offers=[])
    told = client.get(reverse("admin:index")).content.decode()
    assert "1 message has an unknown fate" in told
    assert "1 campaign draft waits for approval" in told


def test_s5_the_menu_shows_only_rooms_one_may_see(db):
    User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    client = Client()
    client.force_login(User.objects.get(username="vera"))
    told = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:campaigns_segment_changelist") not in told


# --- what browsers may do ----------------------------------------------------------------------------------------


def policy(response) -> dict[str, list[str]]:
    parts = (part.split() for part in response["Content-Security-Policy"].split("; "))
    return {name: values for name, *values in parts}


def test_s6_only_the_desk_may_compile_in_the_browser(client):
    desk_policy = policy(client.get(reverse("admin:index")))
    assert desk_policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert desk_policy["default-src"] == ["'none'"]
    assert desk_policy["frame-ancestors"] == ["'none'"]
    elsewhere = policy(client.get("/nothing-here/"))
    assert "'unsafe-eval'" not in str(elsewhere)
    assert elsewhere["script-src"] == ["'self'"]


def test_s6_the_desk_is_not_stored_and_forms_can_prove_where_they_come_from(client):
    answer = client.get(reverse("admin:customers_customer_changelist"))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert client.get("/nothing-here/")["Referrer-Policy"] == "no-referrer"


def test_the_language_can_be_chosen(client):
    home = reverse("admin:index")
    answer = client.post(reverse("admin:language"), {"language": "zh-hans", "next": home})
    assert answer["Location"] == home
    assert re.search("首页", client.get(home).content.decode())


def test_people_and_roles_have_pages(client):
    for name in ("auth_user", "auth_group"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:{name}_add")).status_code == 200


@pytest.mark.parametrize(
    ("language", "told"), [("en", "There is nothing at this address"), ("zh-hans", "此地址没有任何内容")]
)
def test_an_unknown_address_is_told_in_words(client, language, told):
    answer = client.get("/admin/nothing/", headers={"accept-language": language})
    assert answer.status_code == 404
    assert told in answer.content.decode()
    assert reverse("admin:index") in answer.content.decode()


def test_s5_what_one_may_not_do_is_told_in_words(client):
    answer = client.get(address("campaigns.decision", "add"))
    assert answer.status_code == 403
    assert "You may not do this" in answer.content.decode()


def test_a_list_that_nothing_filters_offers_no_way_to_show_all(client, shop):
    listed = address("campaigns.offer", "changelist")
    assert "Show all" not in client.get(listed).content.decode()
    assert "Nothing matches" in client.get(f"{listed}?q=zzz").content.decode()
    assert "Show all" in client.get(f"{listed}?q=zzz").content.decode()


def test_every_list_says_what_it_is_for_when_it_is_empty():
    told = {
        model._meta.label: str(getattr(page, "about", "")) for model, page in admin.site._registry.items()
    }
    theirs = {label for label in told if label.startswith("axes.")}  # another package's pages
    assert {label for label, about in told.items() if len(about.split()) < 5} == theirs


def test_of_the_menu_one_entry_is_the_present_one(client: Client) -> None:
    """The calendar's address lies below that of all campaigns."""
    told = client.get(reverse("admin:campaigns_campaign_calendar")).content.decode()
    (active,) = re.findall(r'<a href="([^"]*)" aria-current="page"', told)
    assert active == reverse("admin:campaigns_campaign_calendar")


def test_what_a_list_draws_in_colour_is_a_word_on_the_form(client: Client) -> None:
    row = Change.objects.create(at=timezone.now(), door="desk", who="marta", deed="logged_in")
    told = client.get(reverse("admin:config_change_change", args=[row.pk])).content.decode()
    assert 'class="readonly' in told and "logged in" in told
    assert "logged_in" not in told


def test_each_form_that_asks_for_a_slug_says_what_it_is(rf, client):
    request = rf.get("/")
    request.user = User.objects.get(username="marta")
    asked = {}
    for model, page in admin.site._registry.items():
        if page.has_add_permission(request):
            fields = page.get_form(request).base_fields
            if "slug" in fields:
                asked[model._meta.model_name] = str(fields["slug"].help_text)
    assert len(asked) > 8
    assert [name for name, told in asked.items() if not told] == []
