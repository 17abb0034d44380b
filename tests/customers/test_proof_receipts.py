"""Receipts: they verify by our code and by the independent script, and no byte of them can change (L3, L4)."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings as django_settings

from customers import consent, ledger, privacy
from customers.models import ConsentRecord, Customer
from customers.proof import checkpoints, receipts, signing
from tests.conftest import NOW, Caller, evidence, person, tampering

SCRIPT = Path(django_settings.BASE_DIR) / "docs" / "verify_receipt.py"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def key() -> bytes:
    return signing.public_key().hex().encode() + b"\n"


def checkpoint_file() -> bytes:
    return checkpoints.files()[-1].read_bytes()


def newest(customer: Customer, sequence: int) -> ConsentRecord:
    return ConsentRecord.objects.get(customer_id=customer.pk, sequence=sequence)


def holds(script: ModuleType, receipt: bytes, checkpoint: bytes, public: bytes) -> bool:
    try:
        script.verify(receipt, checkpoint, public)
    except Exception:
        return False
    return True


def test_l3_every_answer_of_everyone_has_a_receipt_that_verifies_offline(script, anna, boris, clara) -> None:
    for name in ("dora", "emil", "finn"):
        person(name, allows=["analytics"])
    checkpoints.make(at=NOW)
    for record in ConsentRecord.objects.all():
        receipt = receipts.issue(record)
        contents = script.verify(receipt, checkpoint_file(), key())
        ours = receipts.verify(receipt, signing.known_keys())
        assert contents["record"] == ours.record
        assert (ours.record["customer"], ours.record["sequence"]) == (record.customer_id, record.sequence)
        assert ours.later == ledger.length(record.customer_id) - record.sequence
        assert bool(ours.text) is record.granted


def test_l3_the_script_runs_by_itself(anna: Customer, clara: Customer, tmp_path: Path) -> None:
    """Nothing of ours can be imported where it runs."""
    checkpoints.make(at=NOW)
    files = {"r.json": receipts.issue(newest(clara, 1)), "c.jsonl": checkpoint_file(), "k.pub": key()}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    command = [sys.executable, "-I", str(SCRIPT), *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"customer {clara.pk} said yes" in done.stdout
    (tmp_path / "k.pub").write_bytes(b"ab" * 32)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "NOT proven" in done.stderr


@pytest.mark.slow
def test_l3_any_flipped_byte_of_receipt_checkpoint_or_key_fails(
    script, anna: Customer, clara: Customer
) -> None:
    """Every byte of all three, by four flips each; our own check agrees about the receipt."""
    checkpoints.make(at=NOW)
    consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)
    checkpoints.make(at=NOW + timedelta(minutes=5))
    receipt = receipts.issue(newest(clara, ledger.length(clara.pk) - 1))
    parts = [receipt, checkpoint_file(), key()]
    assert holds(script, *parts)
    keys, survived = signing.known_keys(), []
    for which, part in enumerate(parts):
        for place in range(len(part)):
            for flip in (0x01, 0x20, 0x80, 0xFF):
                flipped = part[:place] + bytes([part[place] ^ flip]) + part[place + 1 :]
                if holds(script, *[flipped if n == which else whole for n, whole in enumerate(parts)]):
                    survived.append((which, place, flip))
                if which == 0:
                    with pytest.raises(signing.NotGenuine):
                        receipts.verify(flipped, keys)
    assert survived == []


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["record"].update(granted=not d["record"]["granted"]),
        lambda d: d.update(later=d["later"][:-1]),
        lambda d: d.update(later=[*d["later"], d["later"][-1]]),
        lambda d: d["proof"].update(index=0),
        lambda d: d["proof"].update(index=True),
        lambda d: d["proof"].update(path=d["proof"]["path"][:-1]),
        lambda d: d["proof"].update(path=[*d["proof"]["path"], "0" * 64]),
        lambda d: d["checkpoint"].update(people=d["checkpoint"]["people"] + 1),
        lambda d: d["checkpoint"].update(people=float(d["checkpoint"]["people"])),
        lambda d: d["checkpoint"].update(records=d["checkpoint"]["records"] + 1),
        lambda d: d["record"].update(hash="0" * 64),
        lambda d: d["record"].update(extra=1),
        lambda d: d.update(extra=1),
        lambda d: d.update(checkpoint=None, proof=None),
        lambda d: d.update(checkpoint=[]),
        lambda d: d.update(record=None),
        lambda d: d.update(text="Other words"),
    ],
)
def test_l3_a_receipt_that_was_put_together_otherwise_fails(script, anna, clara, change) -> None:
    checkpoints.make(at=NOW)
    document = json.loads(receipts.issue(newest(clara, 2)))
    change(document)
    changed = signing.canonical(document)
    assert not holds(script, changed, checkpoint_file(), key())
    with pytest.raises(signing.NotGenuine):
        receipts.verify(changed, signing.known_keys())


def test_l3_a_checkpoint_that_was_altered_in_receipt_and_file_alike_fails(script, anna, clara) -> None:
    checkpoints.make(at=NOW)
    document = json.loads(receipts.issue(newest(clara, 2)))
    document["checkpoint"]["at"] = "2020-01-01T00:00:00.000000+00:00"
    changed = signing.canonical(document)
    assert not holds(script, changed, signing.canonical(document["checkpoint"]), key())
    with pytest.raises(signing.NotGenuine, match="signature"):
        receipts.verify(changed, signing.known_keys())


def test_l3_a_receipt_in_another_spelling_fails(script, anna, clara) -> None:
    checkpoints.make(at=NOW)
    spelt = json.dumps(json.loads(receipts.issue(newest(clara, 2))), indent=1).encode()
    assert not holds(script, spelt, checkpoint_file(), key())
    with pytest.raises(signing.NotGenuine, match="spelling"):
        receipts.verify(spelt, signing.known_keys())


def test_l3_a_receipt_fails_against_checkpoints_that_do_not_hold_its_own(script, anna, boris) -> None:
    checkpoints.make(at=NOW)
    first = checkpoint_file()
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    checkpoints.make(at=NOW + timedelta(minutes=5))
    receipt = receipts.issue(newest(anna, 1))
    assert holds(script, receipt, checkpoint_file(), key())
    assert not holds(script, receipt, first, key())


@pytest.mark.parametrize(
    "nonsense", [b"", b"[]", b"null", b"7", b'"x"', b"{}", b"[" * 60_000, b"\xff\xfe", b'{"format":1}']
)
def test_l3_nonsense_is_refused_with_a_sentence(nonsense: bytes, db) -> None:
    with pytest.raises(signing.NotGenuine):
        receipts.verify(nonsense, signing.known_keys())


def test_l3_a_receipt_of_another_installation_fails(anna: Customer, settings, script) -> None:
    settings.LEDGER_KEY = b"k" * 32
    checkpoints.make(at=NOW)
    receipt = receipts.issue(newest(anna, 1))
    theirs = signing.known_keys()
    settings.LEDGER_KEY = b"l" * 32
    ours = {signing.key_id(signing.public_key()): signing.public_key()}
    assert receipts.verify(receipt, theirs)
    with pytest.raises(signing.NotGenuine):
        receipts.verify(receipt, ours)
    assert not holds(script, receipt, checkpoint_file(), key())


def test_l3_a_new_key_leaves_old_receipts_verifiable(anna: Customer, boris, settings, script) -> None:
    checkpoints.make(at=NOW)
    old = receipts.issue(newest(anna, 1))
    first = key()
    settings.LEDGER_KEY = b"l" * 32
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW)
    checkpoints.make(at=NOW + timedelta(minutes=5))
    assert receipts.verify(old, signing.known_keys())
    assert holds(script, old, checkpoint_file(), key() + first)
    assert receipts.verify(receipts.issue(newest(boris, 1)), signing.known_keys())


def test_l4_erasure_leaves_the_chain_valid_and_receipts_given_before_verifiable(script, anna, clara) -> None:
    checkpoints.make(at=NOW)
    receipt, checkpoint = receipts.issue(newest(anna, 1)), checkpoint_file()
    privacy.erase(anna.pk, actor="customer", at=NOW)
    assert Customer.objects.get(pk=anna.pk).key is None
    assert ledger.verify().faults == ()
    assert holds(script, receipt, checkpoint, key())
    checkpoints.make(at=NOW + timedelta(minutes=5))
    assert holds(script, receipt, checkpoint_file(), key())


def test_l4_nothing_that_is_hashed_or_signed_names_the_person(clara: Customer) -> None:
    """Canary: the shop's id, the address and the name are nowhere in a receipt, a checkpoint or the tree's file."""
    odd = person("zyx-canary-4711", allows=["analytics"], email="canary.address@mail.example")
    checkpoints.make(at=NOW)
    record = newest(odd, 1)
    written = [receipts.issue(record), checkpoint_file(), (checkpoints.folder() / "tree.bin").read_bytes()]
    for body in written:
        for canary in (b"canary", b"Canary", b"4711", b"mail.example"):
            assert canary not in body
    plain = ledger.record_hash(record)
    record.commitment = "0" * 64
    assert ledger.record_hash(record) != plain, "the commitment is all that ties the hash to the person"


def test_l4_the_commitment_says_nothing_without_the_persons_key(anna: Customer) -> None:
    record = newest(anna, 1)
    for plain in ("anna", "anna@mail.example", str(anna.pk)):
        assert record.commitment != hashlib.sha256(plain.encode()).hexdigest()


# --- the door ----------------------------------------------------------------------------------------------


def get(server: Caller, customer: Customer, record: ConsentRecord):
    path = f"/api/v1/customers/{customer.external_id}/consents/{record.pk}/receipt"
    return server.client.get(path, headers=server.headers)


def test_l3_the_api_gives_the_receipt_byte_for_byte(server: Caller, anna: Customer, clara, script) -> None:
    record = newest(anna, 1)
    early = get(server, anna, record).json()
    assert (early["proof"], early["checkpoint"]) == (None, None), "no checkpoint yet"
    checkpoints.make(at=NOW)
    answer = get(server, anna, record)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"
    assert script.verify(answer.content, checkpoint_file(), key())["record"]["customer"] == anna.pk


def test_l3_an_answer_after_the_newest_checkpoint_waits_for_the_next(server: Caller, anna: Customer) -> None:
    checkpoints.make(at=NOW)
    record = consent.withdraw(anna.pk, "analytics", method="m", source="s", actor="a", at=NOW)
    assert get(server, anna, record).json()["proof"] is None
    with pytest.raises(signing.NotGenuine, match="No checkpoint covers"):
        receipts.verify(receipts.issue(record), signing.known_keys())
    checkpoints.make(at=NOW + timedelta(minutes=5))
    assert get(server, anna, record).json()["proof"] is not None


@pytest.mark.parametrize("is_covered", [True, False])
def test_l3_no_receipt_is_given_of_a_record_that_was_changed(
    server: Caller, anna: Customer, is_covered
) -> None:
    if is_covered:
        checkpoints.make(at=NOW)
    record = newest(anna, 1)
    with tampering():
        ConsentRecord.objects.filter(pk=record.pk).update(granted=False)
    answer = get(server, anna, record)
    assert (answer.status_code, answer.json()["code"]) == (409, "ledger_broken")


def test_l3_a_machine_without_the_trees_file_makes_it_anew(anna: Customer, clara, settings, tmp_path) -> None:
    checkpoints.make(at=NOW)
    before = receipts.issue(newest(anna, 2))
    settings.CHECKPOINT_DIR = tmp_path / "another machine"
    assert receipts.issue(newest(anna, 2)) == before
    assert (settings.CHECKPOINT_DIR / "tree.bin").exists()


def test_l3_a_receipt_takes_few_queries_however_long_the_ledger(
    anna: Customer, clara, django_assert_max_num_queries
) -> None:
    checkpoints.make(at=NOW)
    record = newest(anna, 1)
    with django_assert_max_num_queries(3):
        receipts.issue(record)
