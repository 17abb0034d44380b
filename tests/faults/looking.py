"""A process that looks addresses up, and puts some on the list, while index keys turn around it."""

import json
import os
import sys
import time
from pathlib import Path

import tests.environment

LONGEST_S = 900
assert tests.environment


def watch(known: list[str], listing: list[str], erasing: list[str], marker: str) -> None:
    """Look everybody up, again and again until the file `marker` is there; what was asked and missed, as JSON.

    known : names that are on the list. Of `listing` one more is put there each round; of `erasing`, which are known,
    one is erased and imported again. Whoever is on the list must be held back, under whichever key they are now.
    """
    from django.utils import timezone  # noqa: PLC0415

    from campaigns.reach import reachable  # noqa: PLC0415
    from customers import encryption, privacy, suppression  # noqa: PLC0415
    from customers.models import Customer  # noqa: PLC0415
    from tests.conftest import person  # noqa: PLC0415

    names = sorted(filter(None, Customer.objects.values_list("external_id", flat=True)))
    staying = set(names) - set(known)  # of the others somebody is erased for a moment
    whose = {
        index: name for name in names for index in encryption.blind_indexes("email", f"{name}@mail.example")
    }
    end = time.monotonic() + LONGEST_S
    listed, left, missed, asked = set(known), [*listing], [], 0
    while (left or erasing or not asked or not Path(marker).exists()) and time.monotonic() < end:
        if left:
            suppression.add(f"{left[0]}@mail.example", reason="complaint", source="watch")
            listed.add(left.pop(0))
        if erasing:
            name = erasing.pop(0)
            privacy.erase(Customer.objects.get(external_id=name).pk, actor="watch", at=timezone.now())
            person(name, allows=("marketing_email",))
        rows = Customer.objects.filter(email_index__in=whose).values_list("pk", "email_index")
        numbers = {pk: whose[index] for pk, index in rows}
        reach = reachable(list(numbers), channel="email", at=timezone.now())
        missed += sorted(staying - set(numbers.values()))
        missed += sorted(listed & {numbers[pk] for pk in reach.permissions})
        asked += len(names)
        time.sleep(0.05)
    print(json.dumps({"asked": asked, "missed": missed}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    told_known, told_listing, told_erasing, told_marker = sys.argv[1:]
    watch(
        told_known.split(",") if told_known else [],
        told_listing.split(",") if told_listing else [],
        told_erasing.split(",") if told_erasing else [],
        told_marker,
    )
