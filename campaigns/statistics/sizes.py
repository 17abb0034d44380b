"""How many people a question takes, how many to hold out for it, and how long that lasts."""

import math
from dataclasses import dataclass

from scipy import special

from campaigns.statistics.estimates import Z95

FEWEST_HELD_OUT, MOST_HELD_OUT = 0.05, 0.95


def people_needed(effect: float, sd: float, n_treated: int, n_control: int) -> int | None:
    """How many more people, at the same split, until an effect as large as it looks now could be told.

    n such that z·σ·√(1/n_t + 1/n_c) = |τ̂|. None when the effect looks like nothing at all.
    """
    if effect == 0:
        return None
    total = n_treated + n_control
    share = n_treated / total
    needed = (Z95 * sd / abs(effect)) ** 2 * (1 / share + 1 / (1 - share))
    return max(0, math.ceil(needed - total))


def detectable(sd: float, n_treated: int, n_control: int, *, power: float = 0.8) -> float:
    """The smallest effect that these arms would find with this power: (z_0.975 + z_power)·σ·√(1/n_t + 1/n_c)."""
    return float((Z95 + special.ndtri(power)) * sd * math.sqrt(1 / n_treated + 1 / n_control))


def needed(effect: float, sd: float, *, control_share: float, power: float = 0.8) -> int:
    """People in both arms together, so that an effect of this size is found with this power: the inverse of `detectable`.

    n = ((z_0.975 + z_power)·σ/δ)² / (c·(1 − c)). Raises ValueError for an effect of nought and a share that is none.
    """
    if effect == 0 or not 0 < control_share < 1:
        raise ValueError("an effect other than nought, and a control group between nothing and all")
    return math.ceil(_spread(effect, sd, power) / (control_share * (1 - control_share)))


def _spread(effect: float, sd: float, power: float) -> float:
    return float((Z95 + special.ndtri(power)) * sd / effect) ** 2


def cheapest_share(*, treating: float, holding_out: float) -> float:
    """The control share that finds a given effect at least cost, where people can be asked until there are enough.

    treating : what treating one person costs (the message, discounts to who would buy anyway) · holding_out : the profit
    missed by one held out. The people needed fall with 1/(c(1 − c)), so the cost is least at √treating / (√treating +
    √holding_out); kept between 5 and 95 %. Where both are free, a half, which needs the fewest people.
    """
    if treating <= 0 and holding_out <= 0:
        return 0.5
    a, b = math.sqrt(max(treating, 0.0)), math.sqrt(max(holding_out, 0.0))
    return min(max(a / (a + b), FEWEST_HELD_OUT), MOST_HELD_OUT)


def smallest_share(effect: float, sd: float, *, audience: int, power: float = 0.8) -> float | None:
    """The smallest control share that finds the effect when the whole audience is planned; None where no share does."""
    part = 4 * _spread(effect, sd, power) / audience if audience else math.inf
    return (1 - math.sqrt(1 - part)) / 2 if part <= 1 else None


@dataclass(frozen=True)
class Plan:
    """What a question takes. `days` is None where so many people never come; `finds` is what the audience would show then."""

    people: int
    treated: int
    control: int
    control_share: float
    days: int | None
    finds: float | None


def plan(
    effect: float,
    sd: float,
    *,
    audience: int,
    a_day: float = 0.0,
    window_days: int = 0,
    control_share: float | None = None,
    treating: float = 0.0,
    holding_out: float = 0.0,
    power: float = 0.8,
) -> Plan:
    """How many people, in which arms, until when.

    effect : the smallest one worth acting on, per person · sd : of one person's value, from the audience's own past after
    CUPED · audience : who is there now · a_day : who joins it · window_days : how long each is measured. Without a
    control share the cheapest is taken. `finds` is the effect that the audience of now finds at that share.
    """
    share = (
        cheapest_share(treating=treating, holding_out=holding_out) if control_share is None else control_share
    )
    people = needed(effect, sd, control_share=share, power=power)
    control = math.ceil(people * share)
    missing = people - audience
    if missing <= 0:
        days: int | None = window_days
    else:
        days = window_days + math.ceil(missing / a_day) if a_day > 0 else None
    held_out = round(audience * share)
    finds = detectable(sd, audience - held_out, held_out, power=power) if 0 < held_out < audience else None
    return Plan(people, people - control, control, share, days, finds)
