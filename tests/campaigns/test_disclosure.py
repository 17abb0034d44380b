"""N1 as somebody would attack it: small cells, and two reports subtracted from each other."""

import json
import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import numpy as np
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from campaigns import disclosure
from campaigns.admin import words
from campaigns.admin.reports import words as words_of_reports
from campaigns.models import CampaignRun, Decision, Message, SavedReport, Segment
from campaigns.reports import Report, sheets, small
from campaigns.reports.sketches import CellSketch, Sketch, _mixed
from customers.models import Customer
from tests import desk
from tests.campaigns.conftest import people
from tests.campaigns.reporting import DAY, START, Built, built, paid, with_codes
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
# Numbers of people by the last word of their name in JSON; and those of people who bought or clicked.
OF_PEOPLE = {
    "people", "treated", "control", "treated_people", "control_people", "not_measured", "still_measured",
    "in_two_arms", "assigned", "expired", "opened", "opened_by_machine",
}  # fmt: skip
OF_BUYERS = {
    "ordered", "clicked", "clicked_by_machine", "redeemed", "redeemed_by_control", "reversed", "leaked", "refused",
    "used_by_someone_else", "attributed_orders", "attributed_people",
}  # fmt: skip


@pytest.fixture
def spring(db: None) -> Built:
    """120 treated and 60 held out; 100 and 40 of them buy."""
    made = built(120, 60)
    paid(made.treated[:100], "20.00", START + DAY)
    paid(made.control[:40], "10.00", START + DAY)
    return made


def asked(made: Built, at: datetime = NOW) -> Report:
    return disclosure.released(made.campaign, at=at, by="eve")


def joined(made: Built, count: int, *, arm: str = "treated") -> list[str]:
    """So many more people are planned, in the same run."""
    prefix = f"j{Customer.objects.count()}-"
    like = Decision.objects.filter(campaign=made.campaign, arm=arm).select_related("run").first()
    assert like is not None
    for pk in people(count, prefix=prefix):
        Decision.objects.create(
            campaign=made.campaign, run=like.run, customer_id=pk, segment_id=like.segment_id, placement="email",
            arm=arm, purpose="marketing_email", basis="default", decided_at=START,
        )  # fmt: skip
    return [f"{prefix}{n:03}" for n in range(count)]


def left(name: str) -> None:
    Decision.objects.filter(customer__external_id=name).delete()


# --- small cells -------------------------------------------------------------------------------------------------------


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            within = name if name in ("waterfall", "fates", "suppressed_at_sending") else key
            yield from numbers(inner, within)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, name)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield name, value


def told_of_a_few(found: dict[str, Any]) -> list[tuple[str, int]]:
    counts = {"waterfall", "fates", "suppressed_at_sending"}
    return [
        (name, n)
        for name, n in numbers(found)
        if (name in OF_PEOPLE | counts and 0 < n < 20) or (name in OF_BUYERS and 0 < n < 10)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_n1_no_door_tells_a_number_of_a_few_people_whatever_the_shop(seed: int) -> None:
    chance = random.Random(seed)
    made = built(chance.choice([5, 25, 60, 130]), chance.choice([3, 21, 45]))
    losses = {name: chance.choice([0, 1, 19, 20, 300]) for name in ("no_address", "capped", "no_offer")}
    CampaignRun.objects.update(
        waterfall={
            "matched": sum(losses.values()) + len(made.treated) + len(made.control),
            "no_consent": {}, "suppressed": {}, **losses, "held_out": len(made.control), "sendable": len(made.treated),
        }
    )  # fmt: skip
    for n in range(3):
        segment = Segment.objects.create(slug=f"s{n}", name=f"S{n}", rule={})
        made.campaign.audiences.create(segment=segment, position=n + 2)
        some = chance.sample([*made.treated, *made.control], chance.randrange(1, len(made.treated)))
        Decision.objects.filter(customer__external_id__in=some).update(segment=segment)
    message = Message.objects.create(slug="m", name="M", subject="M", body="M")
    for key in "ab":
        row = made.campaign.variants.create(key=key, name=key, message=message)
        some = chance.sample(made.treated, len(made.treated) // 2)
        Decision.objects.filter(customer__external_id__in=some).update(variant=row)
    if len(made.treated) > 7:
        with_codes(made)
    for day in range(1, 5):
        for names in (made.treated, made.control):
            paid(
                chance.sample(names, chance.randrange(0, len(names))),
                "10.00",
                START + day * DAY,
                number=f"o{day}",
            )
    client, admin = Client(), desk.staff()
    client.force_login(admin)
    with time_machine.travel(NOW, tick=False):
        out = StringIO()
        call_command("report", "spring", "--json", stdout=out)
        assert told_of_a_few(json.loads(out.getvalue())) == []
        address = reverse("admin:campaigns_campaign_report_file", args=[made.campaign.pk, "report.json"])
        assert told_of_a_few(json.loads(client.get(address).content)) == []
        report = asked(made)
        for name in sheets.SHEETS:
            heads, *rows = list(sheets.sheet(report, name))
            for line in rows:
                cells = dict(zip(heads, line, strict=True)) | {str(line[0]).removesuffix("_people"): line[1]}
                assert told_of_a_few({k: v for k, v in cells.items() if k in OF_PEOPLE | OF_BUYERS}) == []
        page = client.get(reverse("admin:campaigns_campaign_report", args=[made.campaign.pk]))
        assert [bar.n for bar in page.context["bars"] if bar.n and bar.n < 20 and bar.kind != "done"] == []
        # Who clicked or ordered is told from ten on.
        done = [bar.n for bar in [*page.context["bars"], *page.context["funnel"]] if bar.n]
        assert [n for n in done if n < 10] == []


def test_n1_two_small_cells_do_not_tell_each_other_s_sum() -> None:
    found = small.waterfall_of(
        {
            "matched": 1061,
            "no_consent": {"email": 4, "sms": 7},
            "suppressed": {},
            "no_address": 50,
            "sendable": 1000,
        }
    )
    assert found["no_consent"] == {"email": None, "sms": None}
    # 1,061 − 1,000 − 50 would be 11 people.
    assert (found["no_address"], found["sendable"]) == (None, 1000)


def test_n1_the_few_that_failed_blur_the_number_sent_and_no_more() -> None:
    for failed in (1, 7, 19):
        found, _why, bounded = small.fates_of({"sent": 1000 - failed, "failed": failed}, 1000, {})
        assert (found, bounded) == ({"sent": 981, "failed": None}, ["sent"])
    assert small.fates_of({"sent": 980, "failed": 20}, 1000, {})[0] == {"sent": 980, "failed": 20}
    (bar,) = [
        bar
        for bar in words.bars({"matched": 1000, "sendable": 1000}, fates={"sent": 999, "failed": 1})
        if bar.is_at_least
    ]
    assert bar.told == "≥ 981"


def test_n1_what_fewer_than_ten_bought_is_told_by_no_sum(spring: Built) -> None:
    Decision.objects.filter(customer__external_id__in=spring.control[5:40]).update(arm="treated")
    found = asked(spring)
    assert (found.control.ordered, found.control.revenue, found.control.per_person) == (None, None, None)
    assert (found.effect, found.beside, found.days) == (None, None, [])
    assert found.segments[0].per_person is None


# --- two reports subtracted --------------------------------------------------------------------------------------------


def test_n1_one_person_who_joins_changes_nothing_that_is_shown(spring: Built) -> None:
    before = asked(spring)
    (name,) = joined(spring, 1)
    paid([name], "77.00")
    after = asked(spring)
    assert (after.treated, after.control, after.effect) == (before.treated, before.control, before.effect)
    assert after.segments == before.segments
    assert after.kept_from == {"people": NOW}
    assert SavedReport.objects.count() == 1


def test_n1_nor_does_one_who_leaves_nor_one_who_takes_another_s_place(spring: Built) -> None:
    before = asked(spring)
    left(spring.treated[0])
    assert asked(spring).treated == before.treated
    paid(joined(spring, 1), "77.00")  # as many people and buyers as before, other money
    after = asked(spring)
    assert spring.report().treated.people == before.treated.people
    assert spring.report().treated.revenue != before.treated.revenue
    assert after.treated == before.treated


def test_what_was_read_before_its_end_is_never_repeated_as_the_campaign_s_own(spring: Built) -> None:
    early = START + 3 * DAY
    read = disclosure.released(spring.campaign, at=early, until=early, by="eve")
    assert read.is_over and read.effect is not None
    left(spring.treated[0])
    own = asked(spring, early + DAY)
    assert (own.treated.people, own.is_over, own.effect) == (read.treated.people, False, None)
    assert (own.beside, own.segments, own.variants, own.days) == (None, [], None, [])
    assert own.why_no_effect == disclosure.READ_EARLY
    assert str(words_of_reports.why_no_effect(own)) == disclosure.READ_EARLY
    # Nor is it told as ended where it is repeated once more.
    assert asked(spring, early + 2 * DAY).effect is None
    # After its end it may be.
    assert asked(spring, NOW).is_over


def test_n1_money_of_fewer_than_ten_buyers_is_not_told_by_a_second_report(spring: Built) -> None:
    before = asked(spring)
    paid(spring.treated[:9], "5.00", START + 3 * DAY, number="again")  # nobody new, nine who spend more
    assert asked(spring).treated == before.treated
    paid(spring.treated[9:16], "5.00", START + 3 * DAY, number="again")  # ten, and what the sketch may lose
    after = asked(spring)
    assert after.treated.revenue == Decimal("2080.00")
    assert after.kept_from == {}


def test_n1_twenty_people_more_are_new_numbers(spring: Built) -> None:
    asked(spring)
    joined(spring, 19)
    assert asked(spring).treated.people == 120
    joined(spring, 12)  # twenty, and what the sketch may lose: it is never over the truth
    found = asked(spring)
    assert (found.treated.people, found.kept_from) == (151, {})
    assert SavedReport.objects.count() == 2


def test_n1_a_report_is_compared_with_all_that_were_shown_not_with_the_last_alone(spring: Built) -> None:
    asked(spring)
    more = joined(spring, 40)
    assert asked(spring).treated.people == 160
    for name in more[1:]:
        left(name)
    # 39 fewer than the last, and one more than the first.
    assert asked(spring).treated.people == 160


def test_n1_a_segment_and_the_segment_less_one_are_not_both_told() -> None:
    """A segment of the report that changes by one is blank, and so is the one that would tell it."""
    spring = built(200, 120)
    paid([*spring.treated, *spring.control], "10.00", START + DAY)
    rows = [Segment.objects.create(slug=f"s{n}", name=f"S{n}", rule={}) for n in range(3)]
    for n, row in enumerate(rows):
        spring.campaign.audiences.create(segment=row, position=n + 2)
        names = [*spring.treated[n * 50 : n * 50 + 50], *spring.control[n * 30 : n * 30 + 30]]
        Decision.objects.filter(customer__external_id__in=names).update(segment=row)
    first = {row.segment: row.treated for row in asked(spring).segments}
    assert (first["S0"], first["S1"], first["S2"]) == (50, 50, 50)
    Decision.objects.filter(customer__external_id=spring.treated[0]).update(segment=rows[1])
    second = {row.segment: row.treated for row in asked(spring).segments}
    assert (second["S0"], second["S1"]) == (None, None)
    # What is left of the whole tells the sum of the two, which has not changed.
    assert (second["S2"], second["Everyone"]) == (50, 50)
    assert asked(spring).treated.people == 200


def test_n1_counts_of_messages_wait_until_enough_have_changed(spring: Built) -> None:
    waterfall = {"matched": 180, "held_out": 60, "sendable": 120}
    CampaignRun.objects.update(waterfall=waterfall)
    before = asked(spring)
    CampaignRun.objects.update(waterfall=waterfall | {"matched": waterfall["matched"] + 1, "no_offer": 1})
    after = asked(spring)
    assert (after.waterfall, list(after.kept_from)) == (before.waterfall, ["waterfall"])
    CampaignRun.objects.update(waterfall=waterfall | {"matched": waterfall["matched"] + 25, "no_offer": 25})
    assert asked(spring).waterfall["no_offer"] == 25


def test_n1_a_page_of_the_same_numbers_is_kept_once(spring: Built) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("eve", password="x"))
    address = reverse("admin:campaigns_campaign_report", args=[spring.campaign.pk])
    with time_machine.travel(NOW, tick=False):
        for _look in range(3):
            assert client.get(address).status_code == 200
        joined(spring, 1)
        html = client.get(address).content.decode()
    assert "People, money and effect: as shown on" in html
    assert SavedReport.objects.values_list("by", flat=True).get() == "eve"


def test_n1_whoever_is_shown_a_report_meanwhile_is_compared_with_too(spring: Built, monkeypatch) -> None:
    """Two look at once: the second is compared with what the first was shown."""
    exact = disclosure._keep
    calls: list[int] = []

    def meanwhile(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            monkeypatch.setattr(disclosure, "_keep", exact)
            asked(spring)
            joined(spring, 1)
        exact(*args, **kwargs)

    monkeypatch.setattr(disclosure, "_keep", meanwhile)
    assert asked(spring).kept_from == {"people": NOW}
    assert SavedReport.objects.count() == 1


def test_a_report_is_read_back_as_it_was_shown(spring: Built) -> None:
    found = asked(spring)
    assert disclosure.as_shown(json.loads(json.dumps(found.as_dict()))) == found


def test_keeping_a_report_costs_the_same_whoever_is_in_it(
    spring: Built, django_assert_max_num_queries
) -> None:
    assert connection.vendor in ("sqlite", "postgresql")
    with django_assert_max_num_queries(32):
        asked(spring)


@pytest.mark.once
def test_n1_a_sketch_never_counts_more_than_truly_differ() -> None:
    rng = np.random.default_rng(1)
    for _seed in range(50):
        ids = rng.choice(10**6, 500, replace=False)
        differ = int(rng.integers(0, 40))
        a, b = Sketch.of(_mixed(ids, 9)), Sketch.of(_mixed(ids[differ:], 9))
        apart = (a ^ b).bits.bit_count()
        assert apart <= differ
        assert apart >= differ - 12
        assert a.is_near(b, 20) == (0 < apart < 20 or (differ > 0 and apart == 0))
    assert CellSketch.from_json(CellSketch(a, b, a).as_json()) == CellSketch(a, b, a)
