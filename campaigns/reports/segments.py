"""Effect by segment, and what was seen of each segment's offers, where the cells are large enough to be shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from campaigns.models import Campaign, Offer
from campaigns.reports import effect, thin
from campaigns.reports.effect import Reading
from campaigns.reports.people import Flags, People
from campaigns.reports.sketches import Guard

ARMS = ("treated", "control")


@dataclass(frozen=True)
class Cell:
    """What people of one segment who were given one offer did; None where they are too few to show.

    What they bought, not what the offer caused: offers go to whom they suit, and nobody is held out by offer.
    """

    offer: str
    people: int | None
    ordered: int | None
    revenue_per_person: float | None


@dataclass(frozen=True)
class SegmentRow:
    segment: str
    offer: str
    treated: int | None
    control: int | None
    per_person: float | None
    """The effect, adjusted by the past; the two below are plain means."""
    low: float | None
    high: float | None
    treated_per_person: float | None = None
    control_per_person: float | None = None
    """What the treated would have brought anyway."""
    cells: tuple[Cell, ...] = ()


def segments(
    campaign: Campaign, people: People, reading: Reading, guard: Guard, *, is_readable: bool
) -> list[SegmentRow]:
    """Effect by segment, where the whole may be read at all.

    Thin rows are blank, and so is one that nearly an earlier report's could be subtracted from; blank rows take the next
    smallest along until their sum may be known (`thin.blank`). So do the cells of a row. Three queries.
    """
    names = dict(campaign.audiences.values_list("segment_id", "segment__name"))
    sizes = {pk: int((people.segments == pk).sum()) for pk in names}
    small = set() if is_readable else set(names)
    for pk in names:
        mask = people.segments == pk
        for name, of_arm in _arms(pk, people, mask):
            guard.note(name, people, of_arm)
            if reading.is_thin(people, of_arm) or guard.is_near(name):
                small.add(pk)
    hidden = thin.blank(
        sizes,
        small,
        is_safe=lambda pks: all(guard.is_safe(f"segment:{pk}:{arm}" for pk in pks) for arm in ARMS),
    )
    given = {pk: _given(people, people.treated & (people.segments == pk)) for pk in names}
    titles = _titles({offer for offers in given.values() for offer in offers})
    rows = []
    for pk, name in names.items():
        if pk in hidden:
            # The counts of a thin row's offers would tell its size.
            offers = ", ".join(sorted(titles[offer] for offer in given[pk] if offer))
            cells = tuple(Cell(titles[offer], None, None, None) for offer in given[pk] if offer)
            rows.append(SegmentRow(name, offers, None, None, None, None, None, cells=cells))
            continue
        mask = people.segments == pk
        found, _plain = effect.estimate(people, mask, reading)
        arms = [effect.arm(people, mask & people.treated), effect.arm(people, mask & ~people.treated)]
        for shown, _mask in _arms(pk, people, mask):
            guard.show(shown)
        cells = _cells(people, mask & people.treated, given[pk], titles, reading, guard, within=pk)
        told = ", ".join(
            cell.offer if cell.people is None else f"{cell.offer} ({cell.people})" for cell in cells
        )
        rows.append(
            SegmentRow(
                name,
                told,
                arms[0].people,
                arms[1].people,
                found.effect,
                found.low,
                found.high,
                arms[0].per_person,
                arms[1].per_person,
                cells,
            )
        )
    return rows


def _arms(segment: int, people: People, mask: Flags) -> Iterator[tuple[str, Flags]]:
    for arm, drawn in zip(ARMS, (people.treated, ~people.treated), strict=True):
        yield f"segment:{segment}:{arm}", mask & drawn


def _given(people: People, mask: Flags) -> Mapping[int, int]:
    """How many of these people have each offer (0: none), the most first."""
    offers, counts = np.unique(people.offers[mask], return_counts=True)
    order = np.lexsort((offers, -counts))
    return dict(zip(offers[order].tolist(), counts[order].tolist(), strict=True))


def _titles(offers: set[int]) -> dict[int, str]:
    return dict(Offer.objects.filter(pk__in=offers).values_list("pk", "title"))


def _cells(
    people: People,
    treated: Flags,
    given: Mapping[int, int],
    titles: Mapping[int, str],
    reading: Reading,
    guard: Guard,
    *,
    within: int,
) -> tuple[Cell, ...]:
    masks: dict[int, Flags] = {offer: treated & (people.offers == offer) for offer in given}
    names = {offer: f"offer:{within}:{offer}" for offer in given}
    small = set()
    for offer, mask in masks.items():
        guard.note(names[offer], people, mask)
        if reading.is_thin(people, mask) or guard.is_near(names[offer]):
            small.add(offer)
    hidden = thin.blank(given, small, is_safe=lambda pks: guard.is_safe(names[pk] for pk in pks))
    for offer in given:
        if offer not in hidden:
            guard.show(names[offer])
    return tuple(
        Cell(titles[offer], None, None, None)
        if offer in hidden
        else _cell(titles[offer], people, masks[offer])
        for offer in given
        if offer
    )


def _cell(title: str, people: People, mask: Flags) -> Cell:
    found = effect.arm(people, mask)
    return Cell(title, found.people, found.ordered, found.per_person)
