"""Every key is wrapped anew, every index made anew, while pages open and messages leave: nobody notices (S7, C9)."""

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


def names(start: int, end: int) -> str:
    return ",".join(f"c{n:03}" for n in range(start, end))


def test_c9_s7_indexes_move_between_processes_of_old_and_new_settings_and_no_look_up_misses(
    keeping: Keeping,
) -> None:
    """As docs/operations.md says it: both know both keys, each makes indexes with its own, and then the old one goes."""
    keeping.environment["INDEX_KEY"] = OLD
    assert keeping.run("setup", str(PEOPLE)).returncode == 0
    done = keeping.folder / "done"
    done.touch()
    first = json.loads(keeping.watch("", names(0, 40), "", done))
    done.unlink()
    behind = {"INDEX_KEY": OLD, "INDEX_KEY_FALLBACKS": NEW}
    newer = {"INDEX_KEY": NEW, "INDEX_KEY_FALLBACKS": OLD}
    known = names(0, 40)
    watching = [
        keeping.begin("tests.faults.looking", known, names(40, 60), names(0, 10), str(done), **behind),
        keeping.begin("tests.faults.looking", known, names(60, 80), names(10, 20), str(done), **newer),
    ]
    sending = [
        keeping.begin("tests.faults.world", "send", "none", "0", "0", **settings)
        for settings in (behind, newer)
    ]
    moved = json.loads(keeping.manage("rotate_keys", "--index", "--json", **newer).stdout)
    assert [sender.wait(1500) for sender in sending] == [0, 0]
    done.touch()
    seen = [json.loads(one.communicate(timeout=1500)[0]) for one in watching]
    assert [one["missed"] for one in (first, *seen)] == [[], [], []]
    assert moved["rewritten"] >= PEOPLE - 20
    # Nobody who was listed before a sender began got anything; who was listed meanwhile perhaps did, a moment before.
    got = {recipient.partition("@")[0] for recipient, _id in keeping.log()}
    assert not got & set(known.split(","))
    # Now everybody has the new settings. What the last of the old wrote is made anew, and nothing rests on the old key.
    last = json.loads(keeping.manage("rotate_keys", "--index", "--json", **newer).stdout)
    assert (last["left"], last["resting"], last["unneeded"], last["missing"]) == ({}, {}, ["old"], [])
    without = {"INDEX_KEY": NEW}
    checked = keeping.manage("check", "--deploy", **without)
    assert "customers.E001" not in checked.stderr, checked.stderr
    assert "customers.E001" in keeping.manage("check", "--deploy", INDEX_KEY=OLD).stderr
    assert json.loads(keeping.watch(names(0, 80), "", "", done, **without))["missed"] == []
    asked = sum(one["asked"] for one in seen)
    print(
        f"{moved['rewritten']} people moved, {moved['gathered']} entries, {asked} look-ups meanwhile, none missed"
    )
