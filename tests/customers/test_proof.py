"""Checkpoints: what is signed and where it lies, what is refused, and what they find (L3)."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from customers import consent, ledger
from customers.models import Checkpoint, ConsentRecord, ConsentState, Customer
from customers.proof import checkpoints, reading, signing, verification
from customers.proof.merkle import Tree, packed
from tests.conftest import NOW, evidence, person, tampering
from tests.customers.test_proof_tree import mth


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


def lines() -> list[dict]:
    return [json.loads(row) for path in checkpoints.files() for row in path.read_bytes().splitlines()]


def make(minutes: int = 0) -> Checkpoint | None:
    return checkpoints.make(at=NOW + timedelta(minutes=minutes))


def test_l3_a_checkpoint_is_signed_and_written_outside_the_database(anna: Customer, clara: Customer) -> None:
    row = make()
    assert row is not None
    records = ConsentRecord.objects.count()
    last = {r.customer_id: r for r in ConsentRecord.objects.order_by("sequence")}
    expected = mth([packed(pk, r.sequence, r.hash) for pk, r in sorted(last.items())]).hex()
    assert (row.root, row.people, row.records) == (expected, 2, records)
    (line,) = lines()
    assert line["root"] == expected
    assert signing.check(line, signing.known_keys()).newest_record == ConsentRecord.objects.latest("pk").pk
    assert checkpoints.line_of(Checkpoint.objects.get()).text() == checkpoints.files()[0].read_bytes().strip()


def test_l3_a_checkpoint_is_written_only_if_something_is_new_and_follows_the_last(
    anna: Customer, boris
) -> None:
    first = make()
    assert make(5) is None
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    second = make(10)
    assert first is not None and second is not None
    assert second.previous_root == first.root
    assert second.people == first.people + 1
    assert [line["root"] for line in lines()] == [first.root, second.root]
    assert (
        signing.read_lines(checkpoints.files()[0].read_bytes(), signing.known_keys())[-1].root == second.root
    )


@pytest.mark.parametrize("is_lost", [False, True], ids=["from the tree's file", "the file was lost"])
def test_l3_the_next_root_is_the_root_of_everything(anna: Customer, boris, clara, is_lost: bool) -> None:
    make()
    if is_lost:
        (checkpoints.folder() / "tree.bin").unlink()
    # Boris answers for the first time and has a number between the two others.
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    person("dora", allows=["analytics"])
    row = make(5)
    assert row is not None
    whole = Tree()
    whole.update(reading.changed(whole, after=0, until=row.newest_record))
    assert (row.root, row.people) == (whole.root().hex(), 4)


def test_l3_a_ledger_that_was_rolled_back_is_not_signed(anna: Customer, clara: Customer) -> None:
    make()
    with tampering():
        last = ConsentRecord.objects.latest("pk")
        ConsentRecord.objects.filter(pk=last.pk).delete()
    with pytest.raises(reading.DoesNotExtend, match="the ledger ends at record"):
        make(5)
    # The number is given again: by it alone the roll-back could not be seen any more.
    again = ConsentRecord(
        **{f.attname: getattr(last, f.attname) for f in ConsentRecord._meta.concrete_fields}
    )
    again.at += timedelta(seconds=1)
    again.hash = ledger.record_hash(again)
    again.save(force_insert=True)
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)
    with pytest.raises(reading.DoesNotExtend, match="is not the one"):
        make(10)
    assert Checkpoint.objects.count() == len(lines()) == 1


def test_l3_a_chain_that_was_rewritten_is_not_signed_when_it_goes_on(anna: Customer, clara: Customer) -> None:
    make()
    with tampering():
        rewrite(anna.pk)  # the newest record is Clara's, and untouched
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)
    with pytest.raises(reading.DoesNotExtend):
        make(5)
    (checkpoints.folder() / "tree.bin").unlink()
    with pytest.raises(reading.DoesNotExtend):
        make(10)
    assert len(lines()) == 1


def rewrite(customer_id: int) -> None:
    """What only the database's owner could do: another story, with every hash of it right."""
    previous = ledger.GENESIS
    for row in ConsentRecord.objects.filter(customer_id=customer_id).order_by("sequence"):
        row.source, row.previous_hash = "forged", previous
        row.hash = previous = ledger.record_hash(row)
        row.save()


def test_l3_after_a_restored_backup_a_series_begins_anew_and_shows_it(
    anna: Customer, clara: Customer
) -> None:
    make()
    with tampering():
        ConsentRecord.objects.filter(customer_id=clara.pk).delete()
    row = checkpoints.make(at=NOW, begin_anew=True)
    assert row is not None
    assert (row.previous_root, row.people) == ("", 1)
    assert len(signing.read_lines(checkpoints.files()[0].read_bytes(), signing.known_keys())) == 2


def test_l3_a_crash_between_the_file_and_the_table_is_mended(anna: Customer, boris: Customer) -> None:
    first = make()
    assert first is not None
    first.delete()  # the line was written, the row never committed
    assert make(5) is None
    assert Checkpoint.objects.get().signature == lines()[0]["signature"]
    checkpoints.files()[0].unlink()  # another machine wrote the row; this one has no file yet
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    make(10)
    assert len(lines()) == Checkpoint.objects.count() == 2


def test_l3_a_line_torn_by_a_power_cut_counts_for_nothing(anna: Customer, boris: Customer) -> None:
    make()
    file = checkpoints.files()[0]
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:200])
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    make(5)
    found = signing.read_lines(file.read_bytes(), signing.known_keys())
    assert len(found) == 2 and file.read_bytes().startswith(whole)


def test_l3_two_schedulers_write_one_checkpoint(anna: Customer) -> None:
    with checkpoints._alone() as is_first:
        assert is_first
        assert make() is None
    assert make() is not None


@pytest.mark.django_db(transaction=True)
def test_l3_a_record_that_becomes_visible_late_is_not_left_out() -> None:
    """A smaller number may be committed after a greater one (PostgreSQL): a checkpoint waits for its writer."""
    anna, boris = person("anna"), person("boris")
    if connection.vendor != "postgresql":
        consent.give(anna.pk, "analytics", evidence=evidence("analytics"), at=NOW)
        assert reading.settled(patience_s=0) == ConsentRecord.objects.latest("pk").pk
        return
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            consent.give(anna.pk, "analytics", evidence=evidence("analytics"), at=NOW)
            written.set()
            go_on.wait(20)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(20)
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    assert reading.settled(patience_s=0.2) is None
    go_on.set()
    thread.join()
    row = make()
    assert row is not None
    assert (row.records, row.people) == (2, 2)


# --- verify_ledger -----------------------------------------------------------------------------------------


def verify(capsys, *arguments: str) -> tuple[int, str]:
    code = 0
    try:
        call_command("verify_ledger", *arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    except CommandError as error:
        return error.returncode, str(error)
    return code, capsys.readouterr().out


def newest_file() -> str:
    return str(checkpoints.files()[-1])


def test_l3_a_whole_ledger_verifies_against_its_checkpoint(anna: Customer, clara: Customer, capsys) -> None:
    make()
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)  # after it: no fault
    code, told = verify(capsys, "--checkpoint", newest_file())
    assert code == 0 and "clean" in told
    code, told = verify(capsys, "--checkpoint", newest_file(), "--json")
    assert code == 0 and json.loads(told)["faults"] == []
    assert json.loads(told)["checkpoint"]["root"] == Checkpoint.objects.get().root


ATTACKS = ["the tail", "a whole person", "a rollback", "another story"]


@pytest.mark.parametrize("is_lost", [False, True], ids=["tree kept", "tree lost"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_l3_what_no_chain_shows_is_found_by_the_checkpoint_outside(
    anna: Customer, clara: Customer, capsys, attack: str, is_lost: bool
) -> None:
    make()
    boundary = ConsentRecord.objects.filter(customer_id=anna.pk).latest("pk").pk
    with tampering():
        rows = ConsentRecord.objects.filter(customer_id=clara.pk)
        if attack == "the tail":
            hide(rows.order_by("-sequence")[:2])
        elif attack == "a whole person":
            hide(rows)
        elif attack == "a rollback":
            hide(ConsentRecord.objects.filter(pk__gt=boundary))
        else:
            rewrite(clara.pk)
    assert ledger.verify().faults == (), "inside the database nothing shows"
    if is_lost:
        (checkpoints.folder() / "tree.bin").unlink()
    code, told = verify(capsys, "--checkpoint", newest_file())
    assert code == 1 and "BROKEN" in told
    assert is_lost or f"customer #{clara.pk}" in told


def hide(rows) -> None:
    """Remove records and make the table of states agree, as a careful forger would."""
    people = {row.customer_id for row in rows}
    ConsentRecord.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for pk in people:
        ConsentState.objects.filter(customer_id=pk).delete()
        for row in ConsentRecord.objects.filter(customer_id=pk).order_by("sequence"):
            ConsentState.objects.update_or_create(
                customer_id=pk,
                purpose=row.purpose,
                defaults={"granted": row.granted, "record_id": row.pk, "at": row.at},
            )


def test_l3_a_forged_or_altered_file_of_checkpoints_is_refused(anna: Customer, capsys) -> None:
    make()
    path = checkpoints.files()[0]
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        code, _told = verify(capsys, "--checkpoint", str(path))
        assert code == 2, whole[max(place - 20, 0) : place + 20]
    path.write_bytes(whole)
    code, _told = verify(capsys, "--checkpoint", str(path), "--key", "ab" * 32)
    assert code == 2, "signed with another key than was asked for"
    assert verify(capsys, "--checkpoint", str(path / "missing"))[0] == 2


# --- jobs and alarms ---------------------------------------------------------------------------------------


def test_l3_the_alarm_tells_of_a_ledger_without_a_checkpoint(anna: Customer) -> None:
    assert verification.alarms(at=NOW) == ["The ledger has had no checkpoint for more than an hour."]
    verification.checkpoint_due(at=NOW)
    assert verification.alarms(at=NOW + timedelta(days=3)) == [], "nothing new, so nothing to sign"
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW + timedelta(hours=2))
    assert verification.alarms(at=NOW + timedelta(hours=2, minutes=30)) == []
    assert len(verification.alarms(at=NOW + timedelta(hours=4))) == 1


def test_l3_the_alarm_tells_of_a_refusal_and_of_a_failed_verification(anna: Customer) -> None:
    verification.checkpoint_due(at=NOW)
    assert verification.verify_due(at=NOW)
    assert verification.last()["faults"] == []
    assert not verification.verify_due(at=NOW + timedelta(hours=1)), "once a day"
    with tampering():
        ConsentRecord.objects.filter(pk=ConsentRecord.objects.latest("pk").pk).delete()
    assert verification.checkpoint_due(at=NOW) is None
    verification.ask(at=NOW)
    assert verification.is_waiting()
    assert verification.verify_due(at=NOW)
    assert not verification.is_waiting()
    refusal, broken = verification.alarms(at=NOW)
    assert "No checkpoint of the ledger can be signed" in refusal
    assert f"customer #{anna.pk}" in broken


def test_l3_the_newest_checkpoint_is_what_the_daily_verification_is_held_against(anna, clara) -> None:
    make()
    with tampering():
        hide(ConsentRecord.objects.filter(customer_id=clara.pk))
    verification.verify_due(at=NOW)
    assert verification.last()["against"] == lines()[0]["at"]
    assert f"customer #{clara.pk}" in verification.last()["faults"][0]
