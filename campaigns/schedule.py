"""Again and again: the due times of a recurring campaign, by a rule of RFC 5545 on the shop's clock.

Every due time is a run of its own, made once. Of those that were missed only the newest is made; if that is more than
two hours ago it waits for a person, as every late run does.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from dateutil.rrule import rrule, rrulestr
from django.db.models import Max
from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import clocks, timing
from campaigns.models import Campaign, CampaignRun

DAY = timedelta(days=1)
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = {
    "FREQ", "INTERVAL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYSETPOS",
    "BYHOUR", "BYMINUTE",
}  # fmt: skip
# What has no due time within ten years has none.
HORIZON = timedelta(days=3653)
MOST_A_DAY = 24
WEEKDAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")
_ORDINALS = {
    "1": gettext_lazy("first"),
    "2": gettext_lazy("second"),
    "3": gettext_lazy("third"),
    "4": gettext_lazy("fourth"),
    "-1": gettext_lazy("last"),
}


class BadRule(Exception):
    """The rule cannot be kept. The message says why, in words for whoever wrote it."""


@dataclass(frozen=True)
class Rule:
    """A rule and the time on the shop's clock from which it counts. Times without a zone are that clock's."""

    parts: dict[str, str]
    begins: datetime

    def times(self, *, until: datetime) -> rrule:
        written = ";".join(f"{name}={value}" for name, value in self.parts.items())
        try:
            return rrulestr(written, dtstart=self.begins).replace(until=until)
        except (ValueError, TypeError) as error:
            raise BadRule(_("The rule cannot be read: %s") % error) from error


def read(rule: str, *, begins: datetime) -> Rule:
    """Check a rule. `begins` is when its campaign starts. Raises BadRule."""
    written = rule.strip().upper().removeprefix("RRULE:").strip(";")
    found = [_PART.fullmatch(part) for part in written.split(";")]
    if not written or not all(found):
        raise BadRule(
            _("The rule cannot be read. An example: %s") % "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0"
        )
    pairs = [(match[1], match[2]) for match in found if match is not None]
    parts = dict(pairs)
    if len(parts) < len(pairs):
        raise BadRule(_("The rule says something twice."))
    if parts.keys() & {"COUNT", "UNTIL"}:
        raise BadRule(_("When it ends stands in the campaign, not in its rule: leave out COUNT and UNTIL."))
    if unknown := sorted(parts.keys() - PARTS):
        raise BadRule(_("The rule has a part that is not known here: %s") % ", ".join(unknown))
    if parts.get("FREQ") not in FREQUENCIES:
        raise BadRule(_("FREQ is one of: %s") % ", ".join(FREQUENCIES))
    if not re.fullmatch(r"[1-9]\d{0,2}", parts.get("INTERVAL", "1")):
        raise BadRule(_("INTERVAL is a number from 1 to 999."))
    shown = clocks.wall(begins, clocks.shop_zone()).replace(second=0, microsecond=0)
    checked = Rule(parts, shown)
    if len(_hours(checked)) > MOST_A_DAY:
        raise BadRule(_("That is more than %s times a day.") % MOST_A_DAY)
    if next(iter(checked.times(until=shown + HORIZON)), None) is None:
        raise BadRule(_("By this rule it is never due."))
    return checked


def rule_of(campaign: Campaign) -> Rule:
    """Raises BadRule."""
    return read(campaign.recurrence, begins=campaign.starts_at or campaign.created_at)


def newest(rule: Rule, *, until: datetime) -> datetime | None:
    """The newest due time up to this moment; None where there was none yet."""
    zone = clocks.shop_zone()
    shown = clocks.wall(until, zone)
    times = rule.times(until=shown + DAY)
    # What the clock shows later may have been before it was put back.
    put_back = [clocks.instant(there, zone) for there in times.between(shown, shown + DAY)]
    if passed := [moment for moment in put_back if moment <= until]:
        return passed[-1]
    last = times.before(shown, inc=True)
    return None if last is None else clocks.instant(last, zone)


def upcoming(campaign: Campaign, *, at: datetime, count: int = 3) -> list[datetime]:
    """The next due times after `at`, before the campaign ends. Raises BadRule."""
    zone = clocks.shop_zone()
    rule, shown = rule_of(campaign), clocks.wall(at, zone)
    found: list[datetime] = []
    for there in rule.times(until=shown + HORIZON).xafter(shown - DAY):
        moment = clocks.instant(there, zone)
        if campaign.ends_at is not None and moment > campaign.ends_at:
            break
        if moment > at:
            found.append(moment)
        if len(found) == count:
            break
    return found


def ring(*, at: datetime) -> int:
    """Make the runs that have become due of recurring campaigns that run; answers how many. Two queries.

    One by local hours is due earlier by `timing.lead`: when the first clock on earth shows its hour.
    """
    campaigns = Campaign.objects.filter(status=Campaign.Status.RUNNING, kind=Campaign.Kind.RECURRING)
    due = []
    for campaign in campaigns.exclude(channel=Campaign.Channel.ONSITE).annotate(last=Max("runs__due_at")):
        is_local = campaign.send_time == Campaign.SendTime.LOCAL
        try:
            moment = newest(rule_of(campaign), until=at + timing.lead(at) if is_local else at)
        except BadRule:  # found at save and at approval; a row written past both is nobody's due time
            continue
        # Before its first run the campaign counts from when it was launched, which is when it last changed.
        after = campaign.last or campaign.updated_at
        if moment is None or moment <= after or (campaign.ends_at is not None and moment > campaign.ends_at):
            continue
        due.append(CampaignRun(campaign=campaign, due_at=moment))
    CampaignRun.objects.bulk_create(due, ignore_conflicts=True)
    return len(due)


def problems(campaign: Campaign, *, at: datetime) -> list[str]:
    """What keeps a recurring campaign from being approved, each with its mend. No query."""
    if campaign.kind != Campaign.Kind.RECURRING:
        return []
    try:
        if upcoming(campaign, at=at, count=1):
            return []
    except BadRule as error:
        return [str(error)]
    return [_("By its rule it is not due again before it ends: change its end or its rule.")]


def told(campaign: Campaign, *, at: datetime) -> str:
    """The rule in words, and when it is due next: "every Monday at 9:00; next: …". Raises BadRule."""
    rule = rule_of(campaign)
    words = {"days": _days(rule), "times": ", ".join(f"{hour}:{minute:02}" for hour, minute in _hours(rule))}
    said = _("%(days)s at %(times)s") % words
    following = upcoming(campaign, at=at, count=1)
    if not following:
        return said
    shown = clocks.wall(following[0], clocks.shop_zone())
    return _("%(rule)s; next: %(next)s") % {
        "rule": said,
        "next": formats.date_format(shown, "DATETIME_FORMAT"),
    }


def _numbers(rule: Rule, name: str, otherwise: int) -> list[int]:
    written = rule.parts.get(name)
    if written is None:
        return [otherwise]
    try:
        return sorted({int(number) for number in written.split(",")})
    except ValueError as error:
        raise BadRule(_("%s is a list of numbers.") % name) from error


def _hours(rule: Rule) -> list[tuple[int, int]]:
    hours = _numbers(rule, "BYHOUR", rule.begins.hour)
    return list(product(hours, _numbers(rule, "BYMINUTE", rule.begins.minute)))


def _days(rule: Rule) -> str:
    """On which days, in words; the rule itself where it is one of the rarer kinds."""
    parts, n = rule.parts, int(rule.parts.get("INTERVAL", "1"))
    match parts["FREQ"], parts.keys() - {"FREQ", "INTERVAL", "WKST", "BYHOUR", "BYMINUTE"}:
        case "DAILY", said if not said:
            return _("every day") if n == 1 else _("every %s days") % n
        case "WEEKLY", said if said <= {"BYDAY"}:
            names = parts.get("BYDAY", WEEKDAY_NAMES[rule.begins.weekday()]).split(",")
            if set(names) <= set(WEEKDAY_NAMES):
                order = sorted(WEEKDAY_NAMES.index(name) for name in names)
                days = ", ".join(str(WEEKDAYS[day]) for day in order)
                return (
                    _("every %s") % days
                    if n == 1
                    else _("every %(n)s weeks on %(days)s") % {"n": n, "days": days}
                )
        case "MONTHLY", said if said <= {"BYMONTHDAY"} and n == 1:
            numbers = _numbers(rule, "BYMONTHDAY", rule.begins.day)
            if numbers == [-1]:
                return _("on the last day of every month")
            if min(numbers) > 0:
                return _("on day %s of every month") % ", ".join(map(str, numbers))
        case "MONTHLY", said if said == {"BYDAY"} and n == 1:
            place = re.fullmatch(r"\+?(-?\d)([A-Z]{2})", parts["BYDAY"])
            if place and place[1] in _ORDINALS:
                words = {"which": _ORDINALS[place[1]], "day": WEEKDAYS[WEEKDAY_NAMES.index(place[2])]}
                return _("on the %(which)s %(day)s of every month") % words
    return _("by the rule %s") % ";".join(f"{name}={value}" for name, value in parts.items())
