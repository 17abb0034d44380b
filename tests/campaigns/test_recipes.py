"""Each recipe in a small world of hand-made people, in virtual time: who comes in, when each message goes, who leaves why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from os import environ
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from campaigns import checks, delivery, journeys, lifecycle, messages, recipes, triggers
from campaigns.models import Campaign, Delivery, JourneyEntry, Message
from catalog.imports import ProductInput, save_products
from customers import consent, events, identities
from customers.events import Incoming
from customers.models import Customer
from customers.purposes import PURPOSES
from recommender.models import ModelVersion, Score
from simulator.recipes import STORIES, Act, Story
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "journeys.md"
BY_RECIPE = {story.recipe: story for story in STORIES}


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


# --- playing a story -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Went:
    """What became of one person: hours from the launch."""

    entered: list[float]
    messages: list[tuple[str, float]]
    ended: list[str]


def hours(moment: datetime) -> float:
    return round((moment - NOW) / HOUR, 2)


def act(done: Act, n: int) -> None:
    at = NOW + done.hour * HOUR
    match done.what:
        case "says_yes" | "says_no":
            customer = Customer.objects.get(external_id=done.who).pk
            if done.what == "says_yes":
                consent.give(customer, "marketing_email", evidence=evidence("marketing_email"), at=at)
            else:
                consent.withdraw(
                    customer, "marketing_email", method="page", source="t", actor="customer", at=at
                )
        case "price":
            save_products([ProductInput(sku=done.sku, price=Decimal(done.value))], at=at)
        case "stock":
            save_products([ProductInput(sku=done.sku, in_stock=done.value == "yes")], at=at)
        case "told":
            told(done)
        case kind:
            happened = Incoming(
                message_id=f"{n}",
                type=kind,
                customer=done.who,
                sku=done.sku or None,
                order_id=f"o{n}" if kind == "ordered" else "",
                occurred_at=at,
            )
            assert events.take_in([happened], source="story", at=at).accepted == 1


def told(done: Act) -> None:
    model, _made = ModelVersion.objects.get_or_create(
        task="propensity", algorithm="futures", state="retired", file="x", sha256="0" * 64, people=1, interactions=1,
        trained_until=NOW,
    )  # fmt: skip
    value = date.fromisoformat(done.value) if done.sku == "expected" else float(done.value)
    name = "expected_at" if done.sku == "expected" else done.sku
    Score.objects.create(customer=Customer.objects.get(external_id=done.who), model=model, **{name: value})


def play(story: Story, *, sends: bool = False) -> dict[str, Went]:
    """Make the recipe's campaign, launch it and let the story happen: only the moments at which something can change."""
    names = list(story.people)
    identities.save_profiles(
        [
            identities.Profile(
                id=name,
                email=f"{name}@mail.example",
                name=name.title(),
                country="DE",
                time_zone="Europe/Berlin",
            )
            for name in names
        ]
    )
    ids = identities.find(names)
    new = {done.who for done in story.acts if done.what == "says_yes"}
    consent.record(
        [
            consent.Answer(ids[name], purpose, True, evidence(purpose))
            for name in names
            for purpose in PURPOSES
            if purpose != "marketing_email" or name not in new
        ],
        at=NOW - 100 * 24 * HOUR,
    )
    ahead = sorted(enumerate(story.acts), key=lambda pair: pair[1].hour)
    while ahead and ahead[0][1].hour < 0:
        n, done = ahead.pop(0)
        act(done, n)
    campaign = recipes.make(story.recipe, by="tests")
    Campaign.objects.filter(pk=campaign.pk).update(control_percent=0)
    campaign.refresh_from_db()
    for step in ("approve", "launch"):
        lifecycle.take(campaign, step, by="tests", at=NOW)
    moments: list[datetime] = []
    for done in story.acts:
        for later in (0, 0.5, 4, 24):
            heappush(moments, NOW + (done.hour + later) * HOUR)
    for day in range(int(story.until) // 24 + 1):
        heappush(moments, NOW + day * 24 * HOUR)
    before = NOW - HOUR
    while moments and (at := heappop(moments)) <= NOW + story.until * HOUR:
        if at <= before:
            continue
        before = at
        while ahead and NOW + ahead[0][1].hour * HOUR <= at:
            n, done = ahead.pop(0)
            act(done, n)
        triggers.look_all(at=at)
        journeys.wake(at=at)
        journeys.advance_all(at=at)
        if sends:
            delivery.deliver_all(clock=lambda: at)
        for moment in JourneyEntry.objects.filter(state="waiting", wake_at__gt=at).values_list(
            "wake_at", flat=True
        ):
            heappush(moments, moment)
    return {name: went(ids[name]) for name in names}


def went(customer: int) -> Went:
    entries = JourneyEntry.objects.filter(customer=customer).order_by("pk")
    sent = Delivery.objects.filter(customer=customer).order_by("pk").select_related("content", "decision")
    ends = [
        f"{entry.left_by or entry.state} {hours(entry.left_at):g}" if entry.left_at else f"at {entry.step}"
        for entry in entries
    ]
    return Went(
        [hours(entry.entered_at) for entry in entries],
        [(row.content.slug.rpartition("-")[2], hours(row.decision.decided_at)) for row in sent],
        ends,
    )


# --- who comes in, when each message goes, who leaves why --------------------------------------------------------------

# Noon UTC is 13:00 in Berlin: 10:00 there is 21 hours after the launch, and every 24 hours from then on.
EXPECTED: dict[str, dict[str, Went]] = {
    "welcome": {
        # Three days after 1.5, and then the next 10:00.
        "ada": Went([1.5], [("hello", 1.5), ("tips", 93)], ["done 93"]),
        "ben": Went([1.5], [("hello", 1.5)], ["goal 25"]),
        "cem": Went([1.5], [("hello", 1.5)], ["no_consent 93"]),
        "dora": Went([], [], []),
    },
    "abandoned-basket": {
        "ada": Went([4], [("remind", 4), ("last", 24)], ["done 24"]),
        "ben": Went([], [], []),
        "cem": Went([4], [("remind", 4)], ["goal 6"]),
        "dora": Went([], [], []),
        "eva": Went([7], [("remind", 7), ("last", 27)], ["done 27"]),
        "finn": Went([4], [("remind", 4), ("last", 24)], ["done 24"]),
    },
    "browse-reminder": {
        "ada": Went([27], [("remind", 45)], ["done 45"]),
        "ben": Went([], [], []),
        "cem": Went([], [], []),
    },
    "win-back": {
        "ada": Went([2], [("miss", 21), ("last", 189)], ["done 189"]),
        "ben": Went([2], [("miss", 21)], ["done 30"]),
        "cem": Went([2], [], ["goal 4"]),
        "dora": Went([], [], []),
    },
    "replenishment": {
        "ada": Went([48], [("soon", 69)], ["done 69"]),
        "ben": Went([48], [], ["goal 50"]),
        "cem": Went([], [], []),
    },
    "price-drop": {
        "ada": Went([5.5], [("told", 5.5)], ["done 5.5"]),
        "ben": Went([], [], []),
        "cem": Went([], [], []),  # 8.00 to 7.90 is no tenth
    },
    "back-in-stock": {
        "ada": Went([5.5], [("told", 5.5)], ["done 5.5"]),
        "ben": Went([], [], []),
    },
    "post-purchase": {
        "ada": Went([1.5], [("ask", 261), ("more", 429)], ["done 429"]),
        "ben": Went([1.5], [("ask", 261)], ["goal 300"]),
        "cem": Went([1.5], [], ["goal 120"]),
        "dora": Went([1.5], [("ask", 261), ("more", 429)], ["done 429"]),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_the_right_people_get_the_right_message_at_the_right_hour(recipe, products) -> None:
    assert play(BY_RECIPE[recipe]) == EXPECTED[recipe]


def test_every_recipe_has_its_story() -> None:
    assert set(BY_RECIPE) == set(recipes.RECIPES) == set(EXPECTED)


@pytest.mark.slow
def test_a_forgotten_basket_from_the_event_to_the_mail_and_the_order(products, sink) -> None:
    play(BY_RECIPE["abandoned-basket"], sends=True)
    got = sorted(address.partition("@")[0] for address in sink.recipients())
    assert got == ["ada", "ada", "cem", "eva", "eva", "finn", "finn"]
    first = next(mail for mail in sink.mails() if mail["To"].startswith("eva"))
    assert first["Subject"] == "You left something in your basket"
    assert {row.status for row in Delivery.objects.all()} == {"sent"}


# --- making one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_a_recipe_makes_a_draft_that_may_be_launched_as_it_is(recipe) -> None:
    campaign = recipes.make(recipe, by="marta")
    assert (campaign.status, campaign.kind, campaign.created_by) == ("draft", "journey", "marta")
    assert checks.problems(campaign, at=NOW) == []
    version = journeys.newest(campaign)
    assert journeys.check(version.definition, channel="email") == []
    for row in Message.objects.all():
        assert messages.check(row) == []
        assert re.search("[\u4e00-\u9fff]", row.translations["zh-hans"]["body"])


def test_a_second_of_the_same_name_is_refused_and_nothing_is_made() -> None:
    recipes.make("welcome")
    with pytest.raises(recipes.AlreadyThere), transaction.atomic():
        recipes.make("welcome")
    assert Campaign.objects.count() == 1
    assert recipes.make("welcome", slug="welcome-2").slug == "welcome-2"
    with pytest.raises(recipes.UnknownRecipe):
        recipes.make("pancakes")
    with pytest.raises(recipes.BadName):
        recipes.make("welcome", slug="Hello there!")


def test_the_command_makes_one_and_lists_them_all(capsys) -> None:
    call_command("make_campaign")
    assert len(capsys.readouterr().out.splitlines()) >= len(recipes.RECIPES) == 8
    call_command("make_campaign", "win-back", "--slug", "come-back")
    assert Campaign.objects.get().slug == "come-back"
    with pytest.raises(CommandError):
        call_command("make_campaign", "pancakes")


# --- the table in the docs -----------------------------------------------------------------------------------------


def table() -> Iterator[str]:
    """The table of docs/journeys.md, from what is expected above."""
    yield "| recipe | person | comes in | messages | leaves |"
    yield "|---|---|---|---|---|"
    for story in STORIES:
        for name, seen in story.people.items():
            what = EXPECTED[story.recipe][name]
            sent = ", ".join(f"{slug} at {hour:g}" for slug, hour in what.messages)
            comes = ", ".join(f"{hour:g}" for hour in what.entered)
            yield (
                f"| {story.recipe} | {name.title()} {seen} | {comes or '–'} | {sent or '–'} | "
                f"{', '.join(what.ended).replace('_', ' ') or '–'} |"
            )
        whole = EXPECTED[story.recipe].values()
        came = sum(len(what.entered) for what in whole)
        messages_sent = sum(len(what.messages) for what in whole)
        yield f"| {story.recipe} | *together* | {came} of {len(story.people)} | {messages_sent} | |"


@pytest.mark.once
def test_the_table_of_the_docs_is_what_happens() -> None:
    told = "\n".join(table())
    text = PAGE.read_text()
    if environ.get("WRITE_DOCS"):
        text = re.sub(r"(?s)(<!-- recipes -->\n\n).*?(\n\n<!-- end -->)", lambda m: m[1] + told + m[2], text)
        PAGE.write_text(text)
    assert told in text
