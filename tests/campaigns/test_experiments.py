"""Which arm: a hash of the campaign's salt and the person, worked by hand, and the alarm when arms have odd sizes."""

import hashlib
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import experiments, lifecycle, planning
from campaigns.experiments import SAMPLE_RATIO_ALARM, arms, bucket, drawn, sample_ratio
from campaigns.models import Delivery, Holdout, Message, Variant
from campaigns.waterfall import Waterfall
from tests.campaigns.conftest import people
from tests.conftest import NOW


def test_a_bucket_is_the_first_eight_bytes_of_sha_256_modulo_ten_thousand() -> None:
    # printf 'spring42' | sha256sum
    digest = hashlib.sha256(b"spring42").hexdigest()
    assert digest[:16] == "64dde5f25652e08e"
    assert bucket("spring", 42) == int("64dde5f25652e08e", 16) % 10_000 == 6926


def test_the_same_person_always_has_the_same_arm() -> None:
    once = arms("salt", Decimal(20), range(1, 2001))
    again = arms("salt", 20.0, list(reversed(range(1, 2001))))
    assert once == again
    assert arms("salt", Decimal(20), [1999]) == {1999: once[1999]}


def test_a_larger_control_group_keeps_everyone_who_was_in_the_smaller() -> None:
    people = range(1, 2001)
    small, large = arms("salt", 10, people), arms("salt", 30, people)
    assert all(large[pk] == "control" for pk in people if small[pk] == "control")


def test_another_salt_draws_anew() -> None:
    people = range(1, 5001)
    one, two = arms("one", 20, people), arms("two", 20, people)
    both = sum(one[pk] == two[pk] == "control" for pk in people)
    assert 150 <= both <= 250  # a fifth of a fifth of 5,000 is 200


@pytest.mark.parametrize("percent", [5, 20, 50])
def test_the_control_group_is_about_its_share(percent: int) -> None:
    drawn = arms("share", percent, range(1, 20_001))
    share = sum(arm == "control" for arm in drawn.values()) / 20_000
    # Four standard deviations of a share of 20,000 people.
    assert abs(share - percent / 100) < 4 * (percent / 100 * (1 - percent / 100) / 20_000) ** 0.5
    assert sample_ratio(20_000 - round(share * 20_000), round(share * 20_000), percent) > SAMPLE_RATIO_ALARM


def test_the_edge_of_the_control_group_is_a_bucket() -> None:
    place = bucket("edge", 7)
    assert arms("edge", Decimal(place) / 100, [7]) == {7: "treated"}
    assert arms("edge", Decimal(place + 1) / 100, [7]) == {7: "control"}


def test_a_share_of_nought_holds_nobody_out() -> None:
    assert set(arms("none", 0, range(1, 1001)).values()) == {"treated"}
    assert arms("none", 20, []) == {}


@pytest.mark.parametrize(
    ("treated", "control", "percent", "p"),
    [
        # Expected 80 and 20: χ² = 10²/80 + 10²/20 = 6.25, and P(χ²₁ > 6.25) = erfc(√3.125).
        (90, 10, 20, 0.012419),
        (80, 20, 20, 1.0),
        # Expected 500 and 500: χ² = 50²/500 + 50²/500 = 10.
        (550, 450, 50, 0.001565),
        # χ² = 60²/500 · 2 = 14.4: the alarm.
        (560, 440, 50, 0.000148),
    ],
)
def test_the_sample_ratio_is_a_chi_square_with_one_degree_of_freedom(
    treated: int, control: int, percent: int, p: float
) -> None:
    assert sample_ratio(treated, control, percent) == pytest.approx(p, abs=5e-7)


def test_arms_of_the_wrong_size_raise_the_alarm_and_nothing_to_compare_does_not() -> None:
    assert sample_ratio(560, 440, 50) < SAMPLE_RATIO_ALARM < sample_ratio(550, 450, 50)
    assert sample_ratio(0, 0, 20) == 1.0
    assert sample_ratio(100, 0, 0) == 1.0
    assert sample_ratio(100, 0, 20) < SAMPLE_RATIO_ALARM  # a fifth of them is missing
    assert experiments.BUCKETS == 10_000


def test_a_part_of_the_line_as_long_as_its_share_draws_its_name() -> None:
    # Bucket 6926 of "spring42" lies at 0.69265.
    assert drawn("spring", {"a": 0.69, "b": 0.31}, 42) == "b"
    assert drawn("spring", {"a": 0.6927, "b": 0.3073}, 42) == "a"
    assert drawn("spring", {"a": 2, "b": 1}, 42) == "b"  # 0.69265 × 3 is beyond 2
    names = Counter(drawn("salt", {"a": 1, "b": 1, "c": 2}, pk) for pk in range(4000))
    assert 900 < names["a"] < 1100 and 900 < names["b"] < 1100 and 1850 < names["c"] < 2150


@pytest.mark.django_db
def test_a_global_holdout_is_drawn_once_for_all_and_only_while_it_lasts() -> None:
    people = list(range(1, 2001))
    Holdout.objects.create(
        slug="q4", name="Q4", percent=Decimal(5), starts_at=NOW, ends_at=NOW + timedelta(days=90), salt="q4"
    )
    held = experiments.held_out_of_all(people, at=NOW)
    assert set(held) == {pk for pk in people if bucket("q4", pk) < 500}
    assert 70 < len(held) < 130
    assert experiments.held_out_of_all(people, at=NOW - timedelta(seconds=1)) == {}
    assert experiments.held_out_of_all(people, at=NOW + timedelta(days=90)) == {}


def test_the_holdout_gets_nothing_and_stands_in_neither_arm(campaign, message) -> None:
    ids = people(40)
    Holdout.objects.create(slug="q4", name="Q4", percent=Decimal(50), starts_at=NOW, salt="q4")
    held = {pk for pk in ids if bucket("q4", pk) < 5000}
    row = campaign(control_percent=Decimal(20))
    planning.plan_due(at=NOW)
    arms_of = dict(row.decisions.values_list("customer_id", "arm"))
    assert {pk for pk, arm in arms_of.items() if arm == "holdout"} == held
    run = row.runs.get()
    assert run.waterfall["holdout"] == len(held) and Waterfall.from_dict(run.waterfall).left == 0
    assert not Delivery.objects.filter(customer_id__in=held).exists()
    other = campaign(control_percent=Decimal(0), ignores_holdout=True)
    planning.plan_due(at=NOW)
    assert Delivery.objects.filter(run__campaign=other).count() == 40


def test_each_of_the_treated_gets_the_message_of_their_variant(campaign, message) -> None:
    ids = people(60)
    other = Message.objects.create(slug="other", name="O", subject="Other", body="<p>Other</p>")
    row = campaign(control_percent=Decimal(20), launched=False)
    for key, words in (("a", message), ("b", other)):
        Variant.objects.create(campaign=row, key=key, message=words, weight=1)
    lifecycle.take(row, "approve", by="tests", at=NOW)
    lifecycle.take(row, "launch", by="tests", at=NOW)
    planning.plan_due(at=NOW)
    given = experiments.variants(row, ids, at=NOW)
    for delivery in Delivery.objects.filter(run__campaign=row).select_related("decision__variant", "content"):
        assert delivery.decision.variant == given[delivery.customer_id]
        assert delivery.content == given[delivery.customer_id].message
    assert not row.decisions.filter(arm="control", variant__isnull=False).exists()
    assert {variant.key for variant in given.values()} == {"a", "b"}
