"""The whole ledger recomputed, and held against a checkpoint from outside the database."""

from collections.abc import Callable
from pathlib import Path

from django.db.models import Max

from customers import ledger
from customers.ledger import Chain, Fault, Verification
from customers.models import ConsentRecord
from customers.proof import reading, signing, treefile
from customers.proof.merkle import RunningRoot
from customers.proof.signing import Line


def read(path: Path, *, key: str = "") -> Line:
    """The newest checkpoint of a file, all of whose lines are genuine. `key`: demand this public key (hex).

    Raises NotGenuine, OSError.
    """
    keys = signing.known_keys()
    if key:
        public = bytes.fromhex(key)
        keys = {signing.key_id(public): public}
    lines = signing.read_lines(path.read_bytes(), keys)
    if not lines:
        raise signing.NotGenuine(f"{path} holds no checkpoint.")
    return lines[-1]


def check(*, line: Line | None, on_progress: Callable[[int], None] | None = None) -> Verification:
    """Every chain, the states, and the root as of the checkpoint, in one pass; the checkpoint's fault comes last.

    The person whose chain differs is named as well while the tree's file belongs to that checkpoint (one more pass).
    """
    if line is None:
        return ledger.verify(on_progress=on_progress)
    running = RunningRoot()

    def add(chain: Chain) -> None:
        if chain.covered:
            running.add(chain.customer_id, chain.covered, chain.head)

    found = ledger.verify(until=line.newest_record, on_chain=add, on_progress=on_progress)
    if running.root().hex() == line.root:
        return found
    return Verification(found.records, found.people, (*found.faults, *_differences(line, running)))


def _differences(line: Line, running: RunningRoot) -> list[Fault]:
    newest = ConsentRecord.objects.aggregate(newest=Max("pk"))["newest"] or 0
    told = (
        f"the checkpoint of {line.at} covers {line.records:,} records of {line.people:,} people up to record "
        f"{line.newest_record:,}; the ledger has {running.records:,} of {running.people:,} up to there"
    )
    if newest < line.newest_record:
        told += f" and ends at record {newest:,}"
    if (running.records, running.people) == (line.records, line.people):
        told += ", with another root: what is there was replaced"
    tree = treefile.load(line.root, whole=True)
    named = reading.first_difference(tree, until=line.newest_record) if tree else None
    faults = [Fault(None, None, told)]
    if named:
        customer_id, what = named
        at = (
            ConsentRecord.objects.filter(customer_id=customer_id)
            .order_by("-sequence")
            .values_list("pk", flat=True)
        )
        faults.insert(0, Fault(at.first(), customer_id, what))
    return faults
