"""N1 on the whole desk: a shop of three people reads like one of twelve, and 31 like 34 to whoever may not see people.

Every page that the desk registers is opened, or stands below with the reason why it is not.
"""

import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from campaigns import lifecycle
from campaigns.models import (
    Campaign,
    CapCount,
    Holdout,
    Offer,
    Placement,
    Segment,
    ShareChange,
    UpliftStudy,
)
from campaigns.reports import sheets
from recommender.models import ModelVersion
from tests import desk
from tests.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.once]
ROOMS = ("catalog", "customers", "recommender", "campaigns")
# Lists whose rows are each of a person: whoever may open them sees the people themselves (docs/algorithms/disclosure.md).
OF_PEOPLE = {
    "customers.customer", "customers.event", "customers.identity", "customers.personkey", "customers.consentrecord",
    "customers.consentstate", "customers.pendingconsent", "customers.suppression", "customers.softoptin",
    "customers.contactchoice", "customers.formerlaw", "customers.privacyrequest", "customers.idempotentreply",
    "recommender.interest", "recommender.clustermembership", "recommender.score", "recommender.refusedinterest",
    "recommender.shown", "campaigns.decision", "campaigns.delivery", "campaigns.outcome", "campaigns.bounce",
    "campaigns.code", "campaigns.redemption", "campaigns.codemisuse", "campaigns.journeyentry",
    "campaigns.journeyvisit", "campaigns.upliftscore", "campaigns.webhookmessage",
}  # fmt: skip
# Lists of things, of which `desk.shop` makes as many as people; their forms are read all the same.
OF_AS_MANY_THINGS = {
    "catalog.product", "catalog.productchange", "catalog.review", "catalog.category", "recommender.look",
    "recommender.pairshard", "campaigns.savedreport", "campaigns.fairnesscheck",
}  # fmt: skip
# Pages that show one person, or are asked by POST alone (those of numbers are below).
NOT_READ = {
    "campaigns_campaign_copy": "makes a copy; POST",
    "campaigns_campaign_offer": "approves an offer; POST",
    "bring_in": "a file of one's own; what was read of it is POST (test_bringing.py)",
    "catalog_product_file": "a row a product",
    "catalog_category_file": "a row a category",
    "catalog_category_bring_in": "a file of one's own; what was read of it is POST (test_bring_in.py)",
    "campaigns_offer_file": "what was said of each offer, and nothing that is counted (test_bring_in.py)",
    "campaigns_offer_bring_in": "a file of one's own; what was read of it is POST",
    "campaigns_segment_file": "a rule a segment, for whoever writes them (test_bring_in.py)",
    "campaigns_segment_bring_in": "a file of one's own; what was read of it is POST",
    "campaigns_export_anew": "leads to the form of a new one",
    "campaigns_export_work": "how far a file is, in rows; nothing is being written here",
    "customers_importrun_work": "how far a file is; nothing is being taken in here",
    "recommender_trainingrun_work": "how far a training is",
    "campaigns_campaign_private": "told with noise (test_private.py)",
    "campaigns_export_download": "a file, for whoever may take rows out; gone here",
    "campaigns_headline_renew": "POST; told in test_reports_results.py",
    "campaigns_headline_cancel": "POST; told in test_reports_results.py",
    "campaigns_message_preview": "as one person would get it",
    "campaigns_message_blocks": "a message's words; POST",
    "campaigns_message_check": "a message's words; POST",
    "campaigns_message_follow": "the answers of servers; POST",
    "campaigns_message_try": "whether a mail to oneself went; POST",
    "campaigns_segment_count": "POST, below",
    "campaigns_segment_estimate": "POST, below",
    "campaigns_segment_examples": "people themselves, for whoever may see them; POST",
    "campaigns_segment_why": "one person, for whoever may see them; POST",
    "campaigns_segment_members": "people themselves, for whoever may see them",
    "campaigns_journeyversion_suggest": "products and categories, as one types",
    "customers_privacyrequest_register": "a row a demand",
    "recommender_placement_preview": "leads to the next",
    "recommender_placement_shows": "as one person would get it",
    "recommender_modelversion_moods": "reviews, of which the shop has as many as people (test_moods.py)",
    "recommender_modelversion_beside_live": "leads to another",
    "recommender_modelversion_train_again": "leads to another",
}
OF_A_CAMPAIGN = {
    "campaigns_fairnesscheck_of",
    "campaigns_journeyversion_compare",
    "campaigns_journeyversion_of",
    "campaigns_journeyversion_steps",
}
RULES = [
    {"attribute": "country", "is": "DE"},
    {"not": {"attribute": "country", "is": "DE"}},
    {"attribute": "country", "is": "FR"},
]


def filled(count: int) -> Campaign:
    """A shop in which every number of people is `count`, or a part of it."""
    row = desk.shop(count, control=0)
    CapCount.objects.update(used=min(count, 9))  # of those who redeemed ten may be told
    Offer.objects.filter(given__gt=0).update(discount_given=Decimal(count), discount_reserved=Decimal(count))
    arm = {"people": count, "successes": count // 3}
    for place in Placement.objects.all():
        place.states.update(
            arms={slug: {**arm, "share": 1.0} for state in place.states.all() for slug in state.arms}
        )
        Placement.objects.filter(pk=place.pk).update(ranking="bandit")
    ShareChange.objects.update(rests_on={"a": arm})
    UpliftStudy.objects.update(people=count)
    Holdout.objects.update(starts_at=NOW, salt="0" * 32)
    ModelVersion.objects.update(
        people=count,
        interactions=60 + count,
        metrics={
            "brier": 1 / min(count, 20),
            "measured_on": count,
            "test": [{"algorithm": "a", "ndcg10": 1 / min(count, 20), "people": count}],
            "clusters": {"0": {"people": count, "marks": [f"orders {min(count, 20)} times"]}},
        },
    )
    Campaign.objects.update(approved_people=count)
    waterfall = {
        "matched": count,
        "no_consent": {"marketing_email": count // 3},
        "sendable": count - count // 3,
    }
    row.runs.update(waterfall=waterfall)
    return row


def told(content: bytes) -> str:
    """What a page says to its reader."""
    text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<!--.*?-->", " ", content.decode())
    # What a form sends along is read by whoever looks; where a thing stands, and its number, is not about people.
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)
    sent = re.findall(r'name="confirmed" value="([^"]*)"', text)
    # What is drawn, and what is said to whoever does not see it, is told too.
    sent += re.findall(
        r'\b(?:style|title|aria-label|aria-valuenow|d|x|y|width|data-label)="([^"]*\d[^"]*)"', text
    )
    return " ".join([*html.unescape(re.sub(r"<[^>]*>", " ", text)).split(), *sent])


def own_pages() -> Iterator[tuple[Any, str]]:
    """(model, name of the address) of each page that is neither list nor form."""
    for model, page in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        usual = {f"{name}_{kind}" for kind in ("changelist", "add", "history", "delete", "change")}
        if model._meta.app_label in ROOMS:
            yield from (
                (model, url.name) for url in page.get_urls() if url.name and url.name not in {*usual, None}
            )


def addresses(row: Campaign) -> Iterator[tuple[str, str]]:
    """(what it is called here, address) of every page of the desk that is to be read."""
    yield "home", reverse("admin:index")
    for label in ROOMS:
        for model in apps.get_app_config(label).get_models():
            name = model._meta.label_lower
            if name in OF_PEOPLE or not admin.site.is_registered(model):
                continue
            page = f"admin:{name.replace('.', '_')}"
            if name not in OF_AS_MANY_THINGS:
                yield f"{name} list", reverse(f"{page}_changelist")
            if (one := model.objects.order_by("pk").first()) is not None:
                yield f"{name} form", reverse(f"{page}_change", args=[one.pk])
    for model, name in own_pages():
        if name in NOT_READ or model._meta.label_lower in OF_PEOPLE:
            continue
        if name == "campaigns_campaign_step":
            for step in lifecycle.STEPS:
                address = reverse(f"admin:{name}", args=[row.pk, step])
                yield from ((f"{name} {step}", address), (f"{name} {step} counted", f"{address}?count=1"))
        elif name == "campaigns_campaign_size":
            address = reverse(f"admin:{name}", args=[row.pk])
            yield from ((name, address), (f"{name} counted", f"{address}?count=1"))
        elif name == "campaigns_campaign_check_part":
            for part in ("reach", "meets", "fairness"):  # the others show people, to whoever may see them
                yield f"{name} {part}", reverse(f"admin:{name}", args=[row.pk, part])
        elif name == "campaigns_campaign_report_file":
            for file in ("report.json", *(f"{sheet}.csv" for sheet in sheets.SHEETS)):
                yield f"{name} {file}", reverse(f"admin:{name}", args=[row.pk, file])
        else:
            one = row if name in OF_A_CAMPAIGN else model.objects.order_by("pk").first()
            url = next(u for u in admin.site._registry[model].get_urls() if u.name == name)
            args = [one.pk] if url.pattern.converters or "(" in str(url.pattern) else []
            yield name, reverse(f"admin:{name}", args=args)


def opened(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code in (200, 302), address
    return told(answer.content)


def read(client: Client, count: int, *, leaves_out: tuple[str, ...] = ()) -> dict[str, str]:
    """What every page says of a shop of so many people; nothing of it stays."""
    found = {}
    with transaction.atomic():
        row = filled(count)
        pages = list(addresses(row))
        for name, address in pages:
            if name.startswith(leaves_out) or "journeyversion" in name:
                continue
            found[name] = opened(client, address)
        count_page = reverse("admin:campaigns_segment_count")
        estimate_page = reverse("admin:campaigns_segment_estimate")
        found["ready"] = opened(client, reverse("admin:campaigns_segment_ready") + "?count=1")
        other = Segment.objects.create(slug="other", name="Other", rule=RULES[1])
        overlap = reverse("admin:campaigns_segment_overlap", args=[Segment.objects.earliest("pk").pk])
        found["overlap"] = opened(client, f"{overlap}?with={other.pk}")
        for rule in RULES:
            said = client.post(count_page, {"slug": "new", "rule": str(rule).replace("'", '"')})
            found[f"count {rule}"] = told(said.content)
            said = client.post(estimate_page, {"slug": "new", "rule": str(rule).replace("'", '"')})
            found[f"estimate {rule}"] = told(said.content)
        fair = reverse("admin:campaigns_fairnesscheck_of", args=[row.pk])
        found["flip"] = told(client.post(fair, {"action": "flip"}).content)
        Campaign.objects.update(kind="journey")
        for name, address in pages:
            if "journeyversion" in name:
                found[name] = opened(client, address)
        transaction.set_rollback(True)
    return found


def reader(*, sees_people: bool) -> Client:
    """With every other right, but for two lists whose length the home tells to whoever may open them."""
    viewer = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    rights = Permission.objects.exclude(codename__in=("view_delivery", "view_privacyrequest"))
    viewer.user_permissions.set(rights if sees_people else rights.exclude(codename="view_customer"))
    client = Client()
    client.force_login(viewer)
    return client


def unlike(one: dict[str, str], other: dict[str, str]) -> str:
    """The pages that differ, each with the words around the first difference."""
    found = []
    for name, text in one.items():
        if text != other[name]:
            pairs = zip(text, other[name], strict=False)
            at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other[name])))
            around = slice(max(0, at - 60), at + 40)
            found.append(f"{name}: {text[around]!r} | {other[name][around]!r}")
    return "\n".join(found)


@pytest.fixture(autouse=True)
def _at_rest(settings) -> Iterator[None]:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.UNFOLD = desk.short_menu()
    with time_machine.travel(NOW, tick=False):
        yield


def test_n1_what_is_not_read_is_on_the_desk() -> None:
    labels = {model._meta.label_lower for model in admin.site._registry}
    assert labels >= OF_PEOPLE
    assert labels >= OF_AS_MANY_THINGS
    assert NOT_READ.keys() | OF_A_CAMPAIGN <= {name for _model, name in own_pages()}


def test_n1_a_shop_of_three_people_reads_like_one_of_twelve() -> None:
    """To whoever may see people, who is told more than others; what others are told of a few is asked below."""
    client = reader(sees_people=True)
    three, twelve = read(client, 3), read(client, 12)
    assert len(three) > 90
    assert not (apart := unlike(three, twelve)), apart


def test_n1_three_people_more_are_told_to_nobody_who_may_not_see_them() -> None:
    """31 and 34 are both about 30; of a report, which is exact, what was shown is kept (test_disclosure.py)."""
    client = reader(sees_people=False)
    reports = ("campaigns_campaign_report", "campaigns_holdout_report")
    some, more = read(client, 31, leaves_out=reports), read(client, 34, leaves_out=reports)
    assert "about 30" in some["campaigns.segment form"]
    assert not (apart := unlike(some, more)), apart
