"""A model beside those of its task: how good they were over time, and what changed since the one before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import Section, told_time
from customers import few
from recommender.admin.figures import Headline, difference, number, plain, weight
from recommender.models import ModelVersion

MOST = 12
State = ModelVersion.State


@dataclass(frozen=True)
class Strip:
    """One version on the scale of all: places are per cent of the width, None where it was not measured."""

    version: ModelVersion
    link: str
    told: str
    is_this: bool
    point: float
    low: float | None
    width: float
    floor: float | None


def around(row: ModelVersion) -> list[ModelVersion]:
    """The newest versions of the row's task, newest first, and the row itself where it is older. One query."""
    newest = list(ModelVersion.objects.filter(task=row.task).order_by("-created_at", "-pk")[:MOST])
    return newest if row in newest else [*newest, row]


def before(row: ModelVersion) -> ModelVersion | None:
    """The version that was live before it. One query."""
    lived = ModelVersion.objects.filter(task=row.task, pk__lt=row.pk)
    return lived.exclude(state=State.REFUSED).order_by("-pk").first()


def link(version: ModelVersion) -> str:
    return reverse("admin:recommender_modelversion_change", args=[version.pk])


def over_time(row: ModelVersion, versions: Sequence[ModelVersion]) -> Section:
    headers = (
        _("created"), _("main figure"), _("simple rule"), _("algorithm"), _("state"), _("people measured"),
        _("people it learnt from"), "Cover@10", "Gini",
    )  # fmt: skip
    rows = []
    for version in versions:
        head = Headline.of(version.metrics)
        when = told_time(version.created_at)
        linked = format_html('<a href="{}">{}</a>', link(version), when)
        rows.append(
            (
                gettext("%s (this one)") % when if version == row else linked,
                f"{head.name} {unbroken(head.told)}" if head else gettext("not measured"),
                f"{head.floor_name} {head.told_floor}" if head and head.floor is not None else "–",
                version.metrics.get("label", version.algorithm),
                gettext("refused") if version.state == State.REFUSED else version.get_state_display(),
                "–" if head is None or head.people is None else few.short(head.people),
                few.short(version.people),
                number(head.row.get("coverage10")) if head else "–",
                number(head.row.get("gini")) if head else "–",
            )
        )
    return Section(_("Over time"), headers, rows)


def unbroken(told: str) -> str:
    """Kept on one line in a narrow column."""
    return told.replace(" ", "\N{NO-BREAK SPACE}")


def strips(row: ModelVersion, versions: Sequence[ModelVersion]) -> dict[str, Any]:
    """The main figure of each version on one scale; empty for fewer than two of one kind."""
    heads = [(version, head) for version in versions if (head := Headline.of(version.metrics)) is not None]
    name = heads[0][1].name if heads else ""
    heads = [(version, head) for version, head in heads if head.name == name]
    if len(heads) < 2:
        return {}
    marks = [
        mark
        for _version, head in heads
        for mark in (head.value, head.low, head.high, head.floor)
        if mark is not None
    ]
    least, most = min(marks), max(marks)
    room = (most - least) or 1.0

    def place(value: float) -> float:
        return 1 + 98 * (value - least) / room

    found = []
    for version, head in heads:
        low = None if head.low is None or head.high is None else place(head.low)
        found.append(
            Strip(
                version=version,
                link=link(version),
                told=f"{head.value:.3f}",
                is_this=version == row,
                point=place(head.value),
                low=low,
                width=0.0 if low is None or head.high is None else place(head.high) - low,
                floor=None if head.floor is None else place(head.floor),
            )
        )
    told = {"name": name, "least": f"{least:.3f}", "most": f"{most:.3f}", "floor": heads[0][1].floor_name}
    return {"strips": found, **told}


def changed(row: ModelVersion, old: ModelVersion | None) -> Section:
    """What is other than in the version that was live before it."""
    title = _("What changed")
    if old is None:
        return Section(
            title, (), [], empty=_("It is the first of its task: there is nothing to compare it with.")
        )
    names = {"row": row.metrics.get("label", row.algorithm), "old": old.metrics.get("label", old.algorithm)}
    rows: list[tuple[Any, ...]] = [
        (_("created"), told_time(old.created_at), told_time(row.created_at), ""),
        (
            _("algorithm"),
            names["old"],
            names["row"],
            gettext("the same") if (old.algorithm, names["old"]) == (row.algorithm, names["row"]) else gettext("another"),
        ),
        *_parameters(old.parameters, row.parameters),
        _counted(_("people it learnt from"), old.people, row.people),
        *_interactions(old, row),
        _ledger(old, row),
        _quality(old, row),
    ]  # fmt: skip
    linked = format_html('<a href="{}">{}</a>', link(old), gettext("Before: version %s") % old.pk)
    return Section(title, ("", linked, gettext("This one: version %s") % row.pk, _("difference")), rows)


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    was, is_now = flat(old), flat(new)
    return [
        (name, was.get(name, "–"), is_now.get(name, "–"), "")
        for name in sorted({*was, *is_now})
        if was.get(name) != is_now.get(name)
    ]


def flat(parameters: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Each parameter by its way in words; the parts of a hybrid by their algorithm, the second of one kind as "2"."""
    found: dict[str, str] = {}
    for name, value in parameters.items():
        if name != "components":
            found[f"{path}{name}"] = plain(value)
            continue
        seen: Counter[str] = Counter()
        for part in value:
            kind = part["algorithm"]
            seen[kind] += 1
            way = f"{path}{kind} · " if seen[kind] == 1 else f"{path}{kind} {seen[kind]} · "
            found[f"{way}weight"] = weight(part["weight"])
            found |= flat(part["parameters"], way)
    return found


def _counted(words: Any, old: int, new: int) -> tuple[Any, ...]:
    """In tens, and so is the difference: one person more is not told by two trainings."""
    told = (few.short(old), few.short(new))
    if min(old, new) < few.FEWEST_PEOPLE:
        return words, *told, gettext("the same") if old == new == 0 else "–"
    change = few.in_tens(new) - few.in_tens(old)
    return words, *told, f"≈ {change:+,}" if change else gettext("about the same")


def _interactions(old: ModelVersion, row: ModelVersion) -> list[tuple[Any, ...]]:
    """How much a few people did is theirs."""
    if min(old.people, row.people) < few.FEWEST_PEOPLE:
        return []
    return [_counted(_("interactions"), old.interactions, row.interactions)]


def _ledger(old: ModelVersion, row: ModelVersion) -> tuple[Any, ...]:
    words = _("consent ledger read until line")
    if not old.consents_until or not row.consents_until:
        unknown = gettext("not written down")
        return words, *(f"{v.consents_until:,}" if v.consents_until else unknown for v in (old, row)), "–"
    more = gettext("%s answers more") % f"{row.consents_until - old.consents_until:,}"
    return words, f"{old.consents_until:,}", f"{row.consents_until:,}", more


def _quality(old: ModelVersion, row: ModelVersion) -> tuple[Any, ...]:
    was, is_now = Headline.of(old.metrics), Headline.of(row.metrics)
    told = [unbroken(head.told) if head else gettext("not measured") for head in (was, is_now)]
    name = is_now.name if is_now else was.name if was else _("main figure")
    comparable = was is not None and is_now is not None and was.name == is_now.name
    return name, *told, f"{is_now.value - was.value:+.3f}" if comparable and was and is_now else "–"


def verdict(row: ModelVersion, old: ModelVersion | None) -> str:
    """How much better or worse than the version before it, and how sure that is; nothing where it is not known."""
    was = Headline.of(old.metrics) if old else None
    is_now = Headline.of(row.metrics)
    if old is None or was is None or is_now is None:
        return ""
    paired = row.metrics.get("against_live", {})
    if paired.get("model") == old.pk:
        return gettext(
            "NDCG@10 against version %(version)s, live before it: %(difference)s. Both learnt from the same past and "
            "were asked about the same people."
        ) % {"version": old.pk, "difference": difference(paired)}
    if was.name != is_now.name:
        return (
            gettext("Version %s, live before it, was measured by another figure: they do not compare.")
            % old.pk
        )
    told = gettext("%(figure)s against version %(version)s, live before it: %(difference)s.") % {
        "figure": is_now.name, "version": old.pk, "difference": f"{is_now.value - was.value:+.3f}",
    }  # fmt: skip
    if was.low is None or was.high is None or is_now.low is None or is_now.high is None:
        why = gettext("It was measured on other days and without an interval: it may be chance.")
    elif is_now.low <= was.high and was.low <= is_now.high:
        why = gettext("Measured on other days and people, and the intervals overlap: it may be chance.")
    else:
        why = gettext("Measured on other days and people; the intervals do not overlap.")
    return f"{told} {why}"
