"""What the database refuses (L1), and what whoever owns the database cannot hide (L2, L5)."""

import os
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers import consent, identities, ledger
from customers.models import ConsentRecord, ConsentState, Customer
from customers.purposes import PURPOSES
from tests.conftest import NOW, evidence, person, tampering

TABLE = "customers_consentrecord"
TEXTS = ("purpose", "notice", "notice_sha256", "language", "method", "source", "actor")
HASHES = ("commitment", "previous_hash", "hash")


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


# --- L1 ----------------------------------------------------------------------------------------------------


def changes() -> dict[str, Any]:
    everyone = ConsentRecord.objects.all()
    found: dict[str, Any] = {
        "update": lambda: everyone.update(source="x"),
        "update of one": lambda: everyone.first().save(),
        "bulk update": lambda: ConsentRecord.objects.bulk_update(everyone, ["source"]),
        "delete": everyone.delete,
        "delete of one": lambda: everyone.first().delete(),
        "raw delete": lambda: everyone._raw_delete("default"),
        "update of nothing's value": lambda: execute(f"UPDATE {TABLE} SET granted = granted"),
        "upsert": lambda: ConsentRecord.objects.bulk_create(
            list(everyone), update_conflicts=True, unique_fields=["id"], update_fields=["source"]
        ),
    }
    if connection.vendor == "postgresql":
        execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # what the test has just written waits to be checked otherwise
        found["truncate"] = lambda: execute(f"TRUNCATE {TABLE}")
        found["truncate of more"] = lambda: execute(f"TRUNCATE customers_consentstate, {TABLE} CASCADE")
    else:
        found["replace"] = lambda: execute(f"REPLACE INTO {TABLE} SELECT * FROM {TABLE}")
        # SQLite has no TRUNCATE; a DELETE without a condition is what it makes of one.
        found["delete of all"] = lambda: execute(f"DELETE FROM {TABLE}")
    return found


def execute(sql: str, values: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_l1_update_delete_and_truncate_fail_for_the_application(anna: Customer, clara: Customer) -> None:
    before = list(ConsentRecord.objects.order_by("pk").values())
    for name, change in changes().items():
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
        assert list(ConsentRecord.objects.order_by("pk").values()) == before, name


# --- L2 ----------------------------------------------------------------------------------------------------


@dataclass
class Shop:
    rows: list[ConsentRecord]
    people: list[Customer]


@pytest.fixture
def shop(anna: Customer, clara: Customer) -> Shop:
    consent.give(clara.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    dora = person("dora", allows=["analytics"])
    rows = list(ConsentRecord.objects.order_by("customer_id", "sequence"))
    assert ledger.verify().faults == ()
    return Shop(rows, [anna, clara, dora])


def columns() -> st.SearchStrategy[tuple[str, Any]]:
    """A column and a value to put there; the id is left out, which no hash covers (see docs/ledger.md)."""
    word = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
    hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
    return st.one_of(
        st.tuples(st.sampled_from(TEXTS), word),
        st.tuples(st.sampled_from(HASHES), st.one_of(word, hexes)),
        st.tuples(st.just("granted"), st.booleans()),
        st.tuples(st.just("sequence"), st.integers(0, 40)),
        st.tuples(st.just("customer_id"), st.integers(1, 2**40)),
        st.tuples(
            st.just("at"), st.integers(-(10**12), 10**12).map(lambda us: NOW + timedelta(microseconds=us))
        ),
    )


# A few in the suite; `EXAMPLES=500` (`make test-faults`) for more, as the seed draws them.
examples = settings(
    max_examples=int(os.environ.get("EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Undone(Exception):
    pass


def faults_after(tamper: Any) -> tuple[ledger.Fault, ...] | None:
    """What verification finds after the tampering, which is then taken back; None if the database refused it."""
    found = None
    try:
        with transaction.atomic():
            with tampering():
                try:
                    with transaction.atomic():
                        tamper()
                except DatabaseError:  # a constraint was in the way, even for its owner
                    raise Undone from None
            found = ledger.verify().faults
            raise Undone
    except Undone:
        pass
    return found


@examples
@given(data=st.data())
def test_l2_any_changed_value_is_found_and_the_row_named(shop: Shop, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(shop.rows))
    column, value = data.draw(columns())
    if getattr(row, column) == value:
        return
    found = faults_after(lambda: ConsentRecord.objects.filter(pk=row.pk).update(**{column: value}))
    if found is None:
        return
    assert found, f"{column} of record {row.pk} was changed unseen"
    named = [fault.record_id for fault in found if fault.record_id is not None]
    if column in ("sequence", "customer_id"):
        # The row has left its place: the first that no longer fits is named, there or where it went.
        chain = [r.pk for r in shop.rows if r.customer_id == row.customer_id]
        assert set(named) & {row.pk, *chain} or row.pk == chain[-1]
    else:
        assert named[:1] == [row.pk]


@pytest.mark.skipif("connection.vendor != 'sqlite'")
@pytest.mark.parametrize(
    "change",
    [
        "granted = 2",
        "granted = 'yes'",
        "at = replace(at, ' ', 'T')",
        "at = at || '.000000'",
        "at = at || '.0'",
        "at = at || ' '",
        "source = x'ff00fe'",
        "source = CAST(x'74657374ff' AS TEXT)",
        "sequence = 2.5",
    ],
)
def test_l2_a_second_spelling_of_a_value_is_found(shop: Shop, change: str) -> None:
    """SQLite keeps whatever it is given, and Django reads some of it as if nothing had happened."""
    row = next(r for r in shop.rows if r.sequence == 2)
    found = faults_after(lambda: execute(f"UPDATE {TABLE} SET {change} WHERE id = %s", [row.pk]))
    assert found
    if "sequence" not in change:
        assert found[0].record_id == row.pk


@examples
@given(data=st.data())
def test_l2_a_removed_row_is_found(shop: Shop, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(shop.rows))
    found = faults_after(lambda: ConsentRecord.objects.filter(pk=row.pk).delete())
    assert found
    assert {fault.customer_id for fault in found} == {row.customer_id}
    rest = [r for r in shop.rows if r.customer_id == row.customer_id and r.sequence > row.sequence]
    if rest:
        assert found[0].record_id == rest[0].pk, "the first row that no longer fits"


@examples
@given(data=st.data())
def test_l2_two_swapped_rows_are_found(shop: Shop, data: st.DataObject) -> None:
    one, two = data.draw(
        st.lists(st.sampled_from(shop.rows), min_size=2, max_size=2, unique_by=lambda r: r.pk)
    )
    names = [f.attname for f in ConsentRecord._meta.concrete_fields if f.attname != "id"]

    def swap() -> None:
        ConsentRecord.objects.filter(pk=one.pk).update(customer_id=0)
        ConsentRecord.objects.filter(pk=two.pk).update(**{name: getattr(one, name) for name in names})
        ConsentRecord.objects.filter(pk=one.pk).update(**{name: getattr(two, name) for name in names})

    found = faults_after(swap)
    assert found
    assert {fault.customer_id for fault in found} <= {one.customer_id, two.customer_id}


@examples
@given(data=st.data())
def test_l2_an_inserted_row_is_found(shop: Shop, data: st.DataObject) -> None:
    """A copy of any record with any number, even with its hash made right, in the chain of anyone."""
    row = data.draw(st.sampled_from(shop.rows))
    owner = data.draw(st.sampled_from(shop.people))
    fields = {
        f.attname: getattr(row, f.attname) for f in ConsentRecord._meta.concrete_fields if f.attname != "id"
    }
    forged = ConsentRecord(**fields | {"customer_id": owner.pk, "sequence": data.draw(st.integers(1, 12))})
    forged.granted = data.draw(st.booleans())
    if data.draw(st.booleans()):
        forged.hash = ledger.record_hash(forged)
    found = faults_after(lambda: forged.save(force_insert=True))
    assert found is None or found


def test_l2_a_row_forged_with_its_own_hash_made_right_is_belied_by_the_next(shop: Shop) -> None:
    clara = [r for r in shop.rows if r.customer_id == shop.people[1].pk]

    def forge() -> None:
        row = ConsentRecord.objects.get(pk=clara[1].pk)
        row.source = "forged"
        row.hash = ledger.record_hash(row)
        row.save()

    (fault,) = faults_after(forge)
    assert (fault.record_id, fault.what) == (clara[2].pk, "does not follow the record before it")


def test_l2_a_chain_forged_to_begin_later_is_found(shop: Shop) -> None:
    """Its first record was removed and all that follow were hashed anew from an empty beginning."""
    clara = [r for r in shop.rows if r.customer_id == shop.people[1].pk]

    def forge() -> None:
        ConsentRecord.objects.filter(pk=clara[0].pk).delete()
        previous = ledger.GENESIS
        for row in ConsentRecord.objects.filter(customer_id=clara[0].customer_id).order_by("sequence"):
            row.previous_hash = previous
            row.hash = previous = ledger.record_hash(row)
            row.save()

    (fault,) = faults_after(forge)
    assert (fault.record_id, fault.what) == (clara[1].pk, "number 2 where 1 must stand")


def test_l2_ids_that_were_exchanged_in_a_chain_are_found(shop: Shop) -> None:
    """Both rows are superseded: no state rests on either."""
    one, two = [r.pk for r in shop.rows if r.customer_id == shop.people[1].pk][:2]

    def exchange() -> None:
        for old, new in ((one, 10**9), (two, one), (10**9, two)):
            ConsentRecord.objects.filter(pk=old).update(id=new)

    (fault,) = faults_after(exchange)
    assert (fault.record_id, fault.what) == (one, "has an older id than the record before it")


def test_l2_an_id_that_was_moved_is_found_where_something_rests_on_it(shop: Shop) -> None:
    newest = ConsentState.objects.first()
    found = faults_after(
        lambda: ConsentRecord.objects.filter(pk=newest.record_id).update(id=newest.record_id + 10**6)
    )
    assert found


# --- L5 ----------------------------------------------------------------------------------------------------


@examples
@given(data=st.data())
def test_l5_the_states_are_the_fold_of_the_records_whatever_is_answered(
    db: None, data: st.DataObject
) -> None:
    """Any sequence of yes and no, merges and erasures among three people."""
    answer = st.tuples(st.sampled_from("abc"), st.sampled_from(sorted(PURPOSES)), st.booleans())
    steps = data.draw(st.lists(answer, max_size=12))
    with transaction.atomic():
        people = {name: person(f"{name}-l5").pk for name in "abc"}
        expected: dict[tuple[int, str], bool] = {}
        for n, (name, purpose, granted) in enumerate(steps):
            at = NOW + timedelta(seconds=n)
            if granted:
                consent.give(people[name], purpose, evidence=evidence(purpose), at=at)
            else:
                consent.withdraw(people[name], purpose, method="m", source="s", actor="a", at=at)
            expected[(people[name], purpose)] = granted
        states = ConsentState.objects.filter(customer_id__in=people.values())
        assert {(s.customer_id, s.purpose): s.granted for s in states} == expected
        assert ledger.verify().faults == ()
        identities.merge(people["a"], people["b"], actor="test", at=NOW + timedelta(minutes=1))
        assert ledger.verify().faults == ()
        transaction.set_rollback(True)


@pytest.mark.parametrize("change", ["granted", "record_id", "purpose", "missing", "too many", "of nobody"])
def test_l5_a_state_that_is_not_the_fold_is_named(
    anna: Customer, clara: Customer, boris, change: str
) -> None:
    states = ConsentState.objects.filter(customer=clara)
    first = states.order_by("purpose")[0]
    if change == "granted":
        states.filter(pk=first.pk).update(granted=True)
    elif change == "record_id":
        states.filter(pk=first.pk).update(record_id=first.record_id - 1)
    elif change == "purpose":
        states.filter(pk=first.pk).update(purpose="another")
    elif change == "missing":
        states.delete()
    elif change == "too many":
        ConsentState.objects.create(customer=clara, purpose="another", granted=True, record_id=1, at=NOW)
    else:
        ConsentState.objects.create(customer=boris, purpose="analytics", granted=True, record_id=1, at=NOW)
    (fault,) = ledger.verify().faults
    assert fault.customer_id == (boris.pk if change == "of nobody" else clara.pk)
    assert fault.record_id is None


@pytest.mark.django_db(transaction=True)
def test_l5_what_is_written_during_a_verification_is_no_fault() -> None:
    """Records and states are read at different moments, and of one: an answer between them changes nothing."""
    anna, boris = person("anna", allows=["analytics"]), person("boris", allows=["analytics"])
    answered = []

    def answer(chain: ledger.Chain) -> None:
        if not answered:
            answered.append(answer_elsewhere(boris.pk))

    assert ledger.verify(on_chain=answer).faults == ()
    assert answered
    found = ledger.verify()
    assert (found.records, found.faults) == (3, ())
    assert anna.pk


def answer_elsewhere(customer_id: int) -> bool:
    """A yes of another process, while this one reads."""

    def say() -> None:
        consent.withdraw(customer_id, "analytics", method="m", source="s", actor="a", at=NOW)
        connections.close_all()

    thread = threading.Thread(target=say)
    thread.start()
    thread.join(30)
    return not thread.is_alive()
