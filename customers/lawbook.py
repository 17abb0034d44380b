"""What the law said, and whose held for a person, at moments of the past.

The gate asks by the rows that hold now (`Jurisdiction`, `SilentYes`, `Customer.jurisdiction`). Beside them is kept what
each jurisdiction said from when on, and under whose law a person stood before: by these the past is judged.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField, Value

from customers.models import FormerLaw, Jurisdiction, PolicyVersion, SilentYes
from customers.models.customer import CustomerQuerySet

# Since when the built-in laws hold, and those that were there before their history was kept.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def has_begun() -> bool:
    """Whether anything was ever written here."""
    return PolicyVersion.objects.exists()


def write(
    row: Jurisdiction, silent: Collection[str], *, by: str, at: datetime, is_removed: bool = False
) -> None:
    """Keep what a jurisdiction says from now on; nothing where its newest version says so. Two queries.

    Call it in the transaction that changes the row, after the row: who changes it at the same time waits there.
    """
    newest = PolicyVersion.objects.filter(code=row.code).order_by("-number").first()
    said = PolicyVersion(
        code=row.code,
        number=newest.number + 1 if newest else 1,
        since=max(at, newest.since) if newest else at,
        name=row.name,
        countries=[] if is_removed else sorted(row.countries),
        silent=[] if is_removed else sorted(silent),
        soft_opt_in=row.soft_opt_in and not is_removed,
        answer_days=row.answer_days,
        source=row.source,
        changed_by=by,
        is_removed=is_removed,
    )
    if newest is None or _facts(newest) != _facts(said):
        said.save(force_insert=True)


def _facts(version: PolicyVersion) -> tuple[object, ...]:
    return (*_held(version), version.name, version.answer_days, version.source, version.is_removed)


def _held(version: PolicyVersion) -> tuple[object, ...]:
    """What the gate asks for."""
    return (version.countries, version.silent, version.soft_opt_in)


@dataclass
class _Law:
    """The versions of one law, oldest first; `since` of each never before the last one's."""

    since: list[datetime] = field(default_factory=list)
    said: list[tuple[frozenset[str], bool]] = field(default_factory=list)

    def at(self, moment: datetime) -> tuple[frozenset[str], bool]:
        """(silence means yes for, soft opt-in); before anybody wrote it down: nothing."""
        index = bisect_right(self.since, moment)
        return self.said[index - 1] if index else (frozenset(), False)


class Lawbook:
    """Every version of every law, and the former laws of some people. Two queries.

    A change holds from its moment on, the moment itself included, as an answer does.
    """

    def __init__(self, customer_ids: Collection[int] = ()) -> None:
        self._laws: dict[str, _Law] = {}
        rows = PolicyVersion.objects.order_by("code", "number")
        for code, since, silent, soft_opt_in in rows.values_list("code", "since", "silent", "soft_opt_in"):
            law = self._laws.setdefault(code, _Law())
            law.since.append(since)
            law.said.append((frozenset(silent), soft_opt_in))
        self._former: dict[int, list[tuple[datetime, str]]] = {}
        left = FormerLaw.objects.filter(customer__in=customer_ids).order_by("until", "pk")
        for pk, until, code in left.values_list("customer_id", "until", "jurisdiction"):
            self._former.setdefault(pk, []).append((until, code))

    def law_of(self, customer_id: int, now: str, *, at: datetime) -> str:
        """The code of the jurisdiction the person was under; `now` is that of today."""
        former = self._former.get(customer_id, ())
        return next((code for until, code in former if at < until), now)

    def silence_means_yes(self, code: str, purpose: str, *, at: datetime) -> bool:
        return code in self._laws and purpose in self._laws[code].at(at)[0]

    def knows_soft_opt_in(self, code: str, *, at: datetime) -> bool:
        return code in self._laws and self._laws[code].at(at)[1]


def moved(people: Iterable[tuple[int, str]], *, at: datetime) -> None:
    """These people (customer id, the law they were under) are under another from now on. A query for 500 of them."""
    rows = [FormerLaw(customer_id=pk, jurisdiction=code, until=at) for pk, code in people]
    FormerLaw.objects.bulk_create(rows, batch_size=500)


def move(people: CustomerQuerySet, code: str, *, at: datetime) -> int:
    """Put these people under another law; how many those are who were under another. Two queries for any number."""
    leaving = people.exclude(jurisdiction=code)
    lines = leaving.order_by().values_list("pk", "jurisdiction", Value(at, output_field=DateTimeField()))
    select, values = lines.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_formerlaw (customer_id, jurisdiction, until) {select}",
            values,
        )
    return leaving.update(jurisdiction=code)


def gaps() -> Sequence[str]:
    """The laws that are applied now as no newest version has them: changed past the desk. Three queries."""
    newest: dict[str, PolicyVersion] = {}
    for version in PolicyVersion.objects.order_by("code", "number"):
        newest[version.code] = version
    silent: dict[str, set[str]] = {}
    for code, purpose in SilentYes.objects.values_list("jurisdiction__code", "purpose"):
        silent.setdefault(code, set()).add(purpose)
    applied = {
        row.code: (sorted(row.countries), sorted(silent.get(row.code, ())), row.soft_opt_in)
        for row in Jurisdiction.objects.all()
    }
    written = {code: _held(version) for code, version in newest.items() if not version.is_removed}
    return [
        f"law {code}: what is applied now stands in no version of its history"
        for code in sorted(applied.keys() | written.keys())
        if applied.get(code) != written.get(code)
    ]
