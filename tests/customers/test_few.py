"""N1 in numbers: a few are told as fewer, more of them in tens, sums to the worth of ten people."""

import pytest

from customers import few


@pytest.mark.once
@pytest.mark.parametrize(
    ("n", "kept", "anew", "short"),
    [
        (0, "0", "fewer than 20", "0"),
        (1, "fewer than 20", "fewer than 20", "< 20"),
        (19, "fewer than 20", "fewer than 20", "< 20"),
        (20, "20", "about 20", "≈ 20"),
        (24, "24", "about 20", "≈ 20"),
        (25, "25", "about 30", "≈ 30"),
        (1_234, "1,234", "about 1,230", "≈ 1,230"),
    ],
)
def test_n1_how_many_people_are_told(n: int, kept: str, anew: str, short: str) -> None:
    assert (few.told(n), few.told_in_tens(n), few.short(n)) == (kept, anew, short)


@pytest.mark.once
def test_n1_of_buyers_ten_are_enough() -> None:
    assert (few.told(9, few.FEWEST_ORDERS), few.told(10, few.FEWEST_ORDERS)) == ("fewer than 10", "10")
    assert (few.short(9, few.FEWEST_ORDERS), few.short(10, few.FEWEST_ORDERS)) == ("< 10", "≈ 10")


@pytest.mark.once
def test_n1_a_sum_is_told_to_the_worth_of_ten_people() -> None:
    # 20 people at 20 each: ten are worth 200. Two more of them are not told, eight more are.
    assert few.sum_in_tens(400, 20) == few.sum_in_tens(440, 22) == 400
    assert few.sum_in_tens(560, 28) == 600
    assert few.sum_in_tens(20_010, 1_000) == 20_000
    assert (few.sum_in_tens(0, 20), few.sum_in_tens(7, 0)) == (0, 0)
    assert few.two_digits(3.14159) == 3.1
