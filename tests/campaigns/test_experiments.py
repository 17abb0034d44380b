"""Which arm: a hash of the campaign's salt and the person, worked by hand, and the alarm when arms have odd sizes."""

import hashlib
from decimal import Decimal

import pytest

from campaigns import experiments
from campaigns.experiments import SAMPLE_RATIO_ALARM, arms, bucket, sample_ratio


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
