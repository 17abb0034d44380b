"""Which records a checkpoint covers, and the heads of the chains that they change."""

import time

import numpy as np
from django.db import connection

from customers.models import ConsentRecord
from customers.proof.merkle import HEAD, Heads, Tree, packed

WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'customers_consentrecord'::regclass AND mode = 'RowExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid IS DISTINCT FROM pg_backend_pid()
"""


class DoesNotExtend(Exception):
    """The ledger no longer continues the last checkpoint: it was rolled back or altered. Nothing is signed."""


def settled(*, patience_s: float = 10.0) -> int | None:
    """The number of a record such that no record with a smaller one can still appear; None if writers linger.

    PostgreSQL gives a record its number before it is committed, so a smaller one may become visible later. Whoever
    took a number up to the newest visible one held a lock on the table before that moment, and holds it until they
    are visible or gone: it is enough to wait for those who hold it now. Nobody is kept waiting by this. SQLite has
    one writer, so numbers appear in order.
    """
    newest: int = ConsentRecord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if connection.vendor != "postgresql":
        return newest
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        awaited = {row[0] for row in cursor.fetchall()}
        end = time.monotonic() + patience_s
        while awaited:
            if time.monotonic() > end:
                return None
            time.sleep(0.02)
            cursor.execute(WRITERS)
            awaited &= {row[0] for row in cursor.fetchall()}
    return newest


def changed(tree: Tree, *, after: int, until: int) -> Heads:
    """The newest heads, by number, of the people with records in (after, until]; one query, 48 bytes a person.

    Raises DoesNotExtend at a record that does not follow the tree's head of its person or the record before it.
    """
    # An index on the numbers finds the few new records; SQLite would rather walk all chains in order.
    order = "+customer_id" if after and connection.vendor == "sqlite" else "customer_id"
    found = bytearray()
    person, length, head = 0, 0, ""
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT id, customer_id, sequence, previous_hash, hash FROM customers_consentrecord "  # noqa: S608
            f"WHERE id > %s AND id <= %s ORDER BY {order}, sequence",
            [after, until],
        )
        while rows := cursor.fetchmany(5000):
            for pk, number, sequence, previous, newest in rows:
                if number != person:
                    if length:
                        found += packed(person, length, head)
                    person = number
                    length, head = tree.head(number) or (0, "0" * 64)
                if sequence != length + 1 or previous != head:
                    raise DoesNotExtend(
                        f"record {pk} of customer #{number} does not follow the last checkpoint"
                    )
                length, head = sequence, newest
    if length:
        found += packed(person, length, head)
    return np.frombuffer(bytes(found), HEAD)


def first_difference(tree: Tree, *, until: int) -> tuple[int, str] | None:
    """(customer, what is wrong) of the first person whose chain up to a record is not as in the tree. One query."""
    unlike = "as of the checkpoint the chain had {} records, now it has {}"
    place = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(HEADS[connection.vendor], [until])
        while rows := cursor.fetchmany(5000):
            for number, length, head in rows:
                known = tree.heads[place] if place < tree.people else None
                if known is None or number < known["number"]:
                    return number, unlike.format(0, length)
                if number > known["number"]:
                    return int(known["number"]), unlike.format(int(known["length"]), 0)
                if length != known["length"]:
                    return number, unlike.format(int(known["length"]), length)
                if head != known["hash"].tobytes().hex():
                    return number, "the newest record is another than at the checkpoint"
                place += 1
    if place < tree.people:
        known = tree.heads[place]
        return int(known["number"]), unlike.format(int(known["length"]), 0)
    return None


HEADS = {
    "postgresql": """
        SELECT DISTINCT ON (customer_id) customer_id, sequence, hash FROM customers_consentrecord
        WHERE id <= %s ORDER BY customer_id, sequence DESC""",
    # SQLite takes the other columns from the row that has the maximum.
    "sqlite": """
        SELECT customer_id, MAX(sequence), hash FROM customers_consentrecord
        WHERE id <= %s GROUP BY customer_id ORDER BY customer_id""",
}
