"""What people allow, as another system kept it: a no always counts, a yes only with its proof (C5, C9)."""

from collections.abc import Iterator

from customers import consent, identities
from customers.consent import Answer, Evidence
from customers.events import FUTURE_TOLERANCE
from customers.imports.intake import Intake
from customers.imports.source import Column, Progress, Row, Source, rows
from customers.imports.values import past, whole_id
from customers.models import ConsentState
from customers.purposes import PUBLIC_FILE, PURPOSES, UnknownNotice, find_notice

AT_ONCE = 1000
CONSENTS = (
    Column("customer", ("customer_id", "id", "external_id", "user_id")),
    Column("purpose"),
    Column("answer", ("granted", "consent", "status")),
    Column("notice", required=False),
    Column("language", ("locale",), required=False),
    Column("method", required=False),
    Column("source", required=False),
    Column("at", ("given_at", "time", "timestamp", "date"), required=False),
)
PROOF = ("notice", "language", "method", "source", "at")
MOST_METHOD, MOST_SOURCE = 50, 60
_ANSWERS = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "granted", "subscribed"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0", "denied", "unsubscribed"), False),
}
_Said = tuple[int, str, str, bool, Evidence]
"""(line, the shop's own id of the person, purpose, yes or no, its evidence)"""


def consents_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """One answer a row, of people who are here. A yes never goes over a no; where a file says both, the no holds.

    Read twice, and only written when all of it was read: the journal keeps a no that was rolled back (decision 0018).
    """
    half = progress and (lambda read: progress(read // 2))
    for page in _pages(path, intake, half):
        _people(page, intake)
    if intake.by and intake.skipped_lines:
        return
    for page in _pages(path, Intake(intake.source, intake.at, by=intake.by), half):
        _record(page, intake)


def _pages(path: Source, intake: Intake, progress: Progress | None) -> Iterator[list[_Said]]:
    page: list[_Said] = []
    notices: dict[tuple[str, str, str], bool] = {}
    for row in rows(path, CONSENTS, progress=progress):
        intake.counts["rows"] += 1
        try:
            page.append(_read(row, intake, notices))
        except ValueError as reason:
            intake.skip(str(reason), row.line)
        if len(page) >= AT_ONCE:
            yield page
            page = []
    yield page


def _read(row: Row, intake: Intake, notices: dict[tuple[str, str, str], bool]) -> _Said:
    """Raises ValueError with the reason why not."""
    customer, purpose, language = whole_id(row["customer"]), row["purpose"], row["language"].casefold()
    granted = _ANSWERS.get(row["answer"].casefold())
    if not customer or len(customer) > 200:
        raise ValueError("no_id")
    if purpose not in PURPOSES:
        raise ValueError("unknown_purpose")
    if granted is None:
        raise ValueError("bad_answer")
    if granted and not all(row[name] for name in PROOF):
        raise ValueError("no_proof")
    if len(row["method"]) > MOST_METHOD or len(row["source"]) > MOST_SOURCE:
        raise ValueError("long_proof")
    said_at = past(row["at"], latest=intake.at + FUTURE_TOLERANCE) if row["at"] else None
    if granted:
        _check_notice((row["notice"], language, purpose), notices)
    when = f", {said_at:%Y-%m-%dT%H:%M:%SZ}" if said_at else ""
    evidence = Evidence(
        row["notice"] if granted else "",
        language if granted else "",
        row["method"] or "import",
        f"import: {row['source'] or 'no source'}{when}",
        f"staff:{intake.by}" if intake.by else "command",
    )
    return row.line, customer, purpose, granted, evidence


def _check_notice(key: tuple[str, str, str], known: dict[tuple[str, str, str], bool]) -> None:
    """One query for each text that is named."""
    if key not in known:
        try:
            find_notice(*key)
            known[key] = key[0] != PUBLIC_FILE  # those words are of no real person
        except UnknownNotice:
            known[key] = False
    if not known[key]:
        raise ValueError("unknown_notice")


def _people(page: list[_Said], intake: Intake) -> list[tuple[int, _Said]]:
    """What is said of people who are here, each with their number, held until all is written; the others are skipped."""
    ids = identities.find({customer for _line, customer, *_ in page})
    here = {pk for pk, one in consent.hold(ids.values()).items() if one.erased_at is None}
    for line, customer, *_ in page:
        if ids.get(customer) not in here:
            intake.skip("unknown_customer", line)
    return [(ids[said[1]], said) for said in page if ids.get(said[1]) in here]


def _record(page: list[_Said], intake: Intake) -> None:
    """Write down what is new of a page. A bounded number of queries."""
    said_here = _people(page, Intake(intake.source, intake.at))
    states = ConsentState.objects.filter(customer_id__in={pk for pk, _said in said_here})
    known = {
        (pk, purpose): yes for pk, purpose, yes in states.values_list("customer_id", "purpose", "granted")
    }
    answers = []
    for pk, (_line, _customer, purpose, granted, evidence) in said_here:
        if granted and known.get((pk, purpose)) is False:
            intake.counts["refusals_kept"] += 1
            continue
        intake.counts["kept"] += 1
        if known.get((pk, purpose)) is not granted:
            known[pk, purpose] = granted
            answers.append(Answer(pk, purpose, granted, evidence))
            intake.counts["grants_recorded" if granted else "refusals_recorded"] += 1
    consent.record(answers, at=intake.at)
