"""The one gate: C1, C4, C5, C10 and the database's own refusals."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from customers import consent, identities, ledger
from customers.consent import NoEvidence, NotPermitted, Permission
from customers.models import ConsentRecord, ConsentState, Customer
from customers.purposes import PURPOSES
from tests.conftest import NOW, evidence, person, tampering

pytestmark = pytest.mark.django_db


def test_c1_holding_a_permission_is_having_asked(anna: Customer, boris: Customer, clara: Customer) -> None:
    assert Permission(anna.pk, "marketing_email", at=NOW).basis == "consent"
    for refused in (boris, clara):
        with pytest.raises(NotPermitted):
            Permission(refused.pk, "marketing_email", at=NOW)


def test_c1_unknown_people_and_purposes_are_denied(anna: Customer) -> None:
    assert not consent.decide(anna.pk + 1000, "analytics", at=NOW).allowed
    assert not consent.decide(anna.pk, "world_domination", at=NOW).allowed
    assert consent.verdicts([anna.pk], "world_domination") == {}
    assert not consent.permitted("world_domination").exists()


def test_a_withdrawal_holds_from_its_moment_on(clara: Customer) -> None:
    gone_at = NOW - timedelta(days=1)
    assert consent.decide(clara.pk, "analytics", at=gone_at - timedelta(seconds=1)).allowed
    assert not consent.decide(clara.pk, "analytics", at=gone_at).allowed


def test_c4_silence_means_no_where_law_asks_first_and_yes_where_it_lets_object() -> None:
    german, american = person("hans", country="DE"), person("joe", country="US")
    assert not consent.decide(german.pk, "marketing_email", at=NOW).allowed
    verdict = consent.decide(american.pk, "marketing_email", at=NOW)
    assert (verdict.allowed, verdict.basis, verdict.record_id) == (True, "default", None)
    consent.withdraw(american.pk, "marketing_email", method="link", source="mail", actor="customer", at=NOW)
    assert not consent.decide(american.pk, "marketing_email", at=NOW).allowed


def test_the_three_forms_of_the_question_agree(anna: Customer, boris: Customer, clara: Customer) -> None:
    joe = person("joe", country="US")
    everyone = [anna.pk, boris.pk, clara.pk, joe.pk]
    for purpose in PURPOSES:
        single = {pk for pk in everyone if consent.decide(pk, purpose, at=NOW).allowed}
        batch = {pk for pk, verdict in consent.verdicts(everyone, purpose).items() if verdict.allowed}
        assert single == batch == set(Permission.of_many(everyone, purpose, at=NOW))
        assert single == set(consent.permitted(purpose).values_list("pk", flat=True))


def test_many_are_asked_in_one_query(anna: Customer, boris: Customer, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        Permission.of_many([anna.pk, boris.pk], "analytics", at=NOW)


def test_a_permission_cannot_be_altered(anna: Customer) -> None:
    permission = Permission(anna.pk, "analytics", at=NOW)
    with pytest.raises(AttributeError):
        permission.purpose = "marketing_email"


@pytest.mark.parametrize("missing", ["notice", "language", "method", "source", "actor"])
def test_c5_a_grant_without_evidence_is_refused_and_nothing_is_written(boris: Customer, missing: str) -> None:
    proof = evidence("analytics")
    broken = consent.Evidence(**{**{k: getattr(proof, k) for k in proof.__dataclass_fields__}, missing: ""})
    with pytest.raises(NoEvidence):
        consent.give(boris.pk, "analytics", evidence=broken, at=NOW)
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize("missing", ["notice", "notice_sha256", "language", "method", "source", "actor"])
def test_c5_the_database_refuses_it_too(anna: Customer, missing: str) -> None:
    row = ConsentRecord.objects.filter(customer_id=anna.pk).latest("sequence")
    row.pk, row.sequence = None, row.sequence + 1
    setattr(row, missing, "")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_one_bad_answer_among_many_writes_none(anna: Customer, boris: Customer) -> None:
    before = ConsentRecord.objects.count()
    good = consent.Answer(boris.pk, "analytics", True, evidence("analytics"))
    bad = consent.Answer(boris.pk, "analytics", True, evidence("marketing_email"))
    with pytest.raises(NoEvidence):
        consent.record([good, bad], at=NOW)
    assert ConsentRecord.objects.count() == before


def test_c10_merging_keeps_the_most_restrictive_answer(anna: Customer, clara: Customer) -> None:
    identities.merge(anna.pk, clara.pk, actor="test", at=NOW)
    assert not any(consent.decide(anna.pk, purpose, at=NOW).allowed for purpose in PURPOSES)
    assert ledger.verify().faults == ()


def test_l1_the_database_refuses_to_change_or_remove_a_record(anna: Customer) -> None:
    before = list(ConsentRecord.objects.order_by("pk").values())
    statements = [
        "UPDATE customers_consentrecord SET granted = granted",
        "DELETE FROM customers_consentrecord",
    ]
    if connection.vendor == "postgresql":
        statements.append("TRUNCATE customers_consentrecord")
    else:
        statements.append("REPLACE INTO customers_consentrecord SELECT * FROM customers_consentrecord")
    for statement in statements:
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert list(ConsentRecord.objects.order_by("pk").values()) == before


def test_l2_one_flipped_byte_is_named(anna: Customer, clara: Customer) -> None:
    assert ledger.verify().faults == ()
    row = ConsentRecord.objects.filter(customer_id=clara.pk, sequence=3).get()
    with tampering():
        ConsentRecord.objects.filter(pk=row.pk).update(source=row.source[:-1] + "t")
    (fault,) = ledger.verify().faults
    assert (fault.record_id, fault.customer_id) == (row.pk, clara.pk)


@pytest.mark.parametrize("attack", ["remove", "swap", "insert", "every field"])
def test_l2_removed_swapped_and_inserted_rows_are_found(anna: Customer, attack: str) -> None:
    chain = ConsentRecord.objects.filter(customer_id=anna.pk)
    second, third = chain.get(sequence=2), chain.get(sequence=3)
    with tampering():
        if attack == "remove":
            chain.filter(pk=second.pk).delete()
        elif attack == "swap":
            chain.filter(pk=second.pk).update(sequence=99)
            chain.filter(pk=third.pk).update(sequence=2)
            chain.filter(pk=second.pk).update(sequence=3)
        elif attack == "insert":
            last = chain.latest("sequence")
            last.pk, last.sequence = None, last.sequence + 1
            last.save(force_insert=True)
        else:
            for name, value in (
                ("purpose", "x"),
                ("method", "x"),
                ("language", "x"),
                ("commitment", "x" * 64),
            ):
                kept = getattr(second, name)
                chain.filter(pk=second.pk).update(**{name: value})
                assert ledger.verify().faults, name
                chain.filter(pk=second.pk).update(**{name: kept})
            chain.filter(pk=second.pk).update(granted=False)
    assert ledger.verify().faults


def test_l4_destroying_the_key_leaves_the_chain_valid(anna: Customer) -> None:
    key = anna.key
    assert key is not None
    key.delete()
    assert ledger.verify().faults == ()


def test_l5_the_states_are_the_fold_of_the_records(anna: Customer, clara: Customer) -> None:
    ConsentState.objects.filter(customer=clara, purpose="analytics").update(granted=True)
    (fault,) = ledger.verify().faults
    assert fault.customer_id == clara.pk


def test_asking_people_s_own_rows_reads_the_customers_once(anna: Customer, boris: Customer) -> None:
    """Joined with themselves they took minutes on PostgreSQL while it believed their table empty."""
    asked = Customer.objects.filter(consent.may("analytics"), consent.may("personalization"))
    told = str(asked.query)
    assert told.count('FROM "customers_customer"') == 1
    assert 'JOIN "customers_customer"' not in told
    assert list(asked) == [anna]
    assert not Customer.objects.filter(consent.may("world_domination")).exists()
