"""Every key is wrapped anew while pages are opened and messages leave: nobody notices (S7)."""

import json
import time
from collections import Counter

import pytest

from tests.faults.keeping import Keeping, status
from tests.faults.test_restored_backups import web

pytestmark = [pytest.mark.faults, pytest.mark.slow]
PEOPLE = 200
OLD = f"old:{'A' * 43}="
NEW = f"new:{'B' * 43}="


def test_s7_keys_rotate_while_pages_are_opened_and_messages_leave(keeping: Keeping) -> None:
    keeping.environment["FIELD_KEYS"] = OLD
    assert keeping.run("setup", str(PEOPLE)).returncode == 0
    pages = json.loads(keeping.do("links", ",".join(f"c{n:03}" for n in range(20))).stdout)
    keeping.environment["FIELD_KEYS"] = f"{NEW},{OLD}"
    seen: Counter[int] = Counter()
    with web(keeping) as address:
        sender = keeping.begin("tests.faults.world", "send", "none", "0", "0")
        rotating = keeping.begin("manage", "rotate_keys", "--json")
        while rotating.poll() is None or sum(seen.values()) < len(pages):
            path = pages[f"c{sum(seen.values()) % len(pages):03}"].replace("/preferences/", "/privacy/")
            seen[status(address + path)] += 1  # a page that shows what is sealed
            time.sleep(0.02)
        told = json.loads(rotating.communicate()[0])
        assert sender.wait(1500) == 0
    assert rotating.returncode == 0
    assert set(seen) == {200}
    assert (told["rewrapped"], told["unreadable"], told["left"], told["pinned"]) == (PEOPLE, 0, {}, "old")
    assert set(keeping.fates().values()) == {"sent"}
    assert len({recipient for recipient, _id in keeping.log()}) == len(keeping.log()) == PEOPLE
    # Without the old key: everything can still be read, and every link that was sent still works.
    keeping.environment |= {"FIELD_KEYS": NEW, "INDEX_KEY": OLD}
    with web(keeping) as address:
        assert status(address + pages["c000"]) == 200
        assert status(address + pages["c000"].replace("/preferences/", "/privacy/")) == 200
    print(f"{PEOPLE} keys, {seen[200]} pages and {PEOPLE} messages meanwhile")
