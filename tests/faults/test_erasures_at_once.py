"""100 people are erased while everybody is being written to and everything is being learnt."""

import json
import os
import time

import pytest

from tests.faults.keeping import Keeping

pytestmark = [pytest.mark.faults, pytest.mark.slow]
PEOPLE = 300


def test_d2_d4_erasures_during_training_and_sending_leave_nothing(keeping: Keeping) -> None:
    """More by `PEOPLE=3000 ERASED=500` (`make test-faults`)."""
    people, many = int(os.environ.get("PEOPLE", PEOPLE)), int(os.environ.get("ERASED", "100"))
    assert keeping.run("setup", str(people)).returncode == 0
    behaved = keeping.do("behave", str(people))
    assert behaved.returncode == 0, behaved.stderr
    enough = keeping.folder / "enough"
    learner = keeping.begin("tests.faults.keeping", "learn", str(enough))
    time.sleep(1)  # until it has begun
    sender = keeping.begin("tests.faults.world", "send", "none", "0", "0")
    # The last planned are sent last: some are erased before their message, some after, some in its midst.
    names = [f"c{n:03}" for n in range(people - 2 * many, people, 2)]
    erased = keeping.do("erase", ",".join(names), "4")
    assert erased.returncode == 0, erased.stderr
    assert learner.poll() is None, "they were erased while it learnt"
    assert sender.wait(1500) == 0
    enough.touch()
    rounds = int(learner.communicate(timeout=1500)[0])
    assert rounds >= 3, "everything was learnt once at least"

    told = json.loads(erased.stdout)
    rest = keeping.do("left", ",".join(str(pk) for pk in told["numbers"].values()))
    assert rest.returncode == 0, rest.stderr
    found = json.loads(rest.stdout)
    assert found["rows"] == {}
    assert found["learnt"] == []
    assert {"recommend", "interests", "clusters"} <= set(found["live"])
    # Everybody else has their message, and nobody two; of those erased some may have theirs from before.
    fates = keeping.fates()
    assert len(fates) == people - many
    assert set(fates.values()) == {"sent"}
    reached = [recipient.partition("@")[0] for recipient, _id in keeping.log()]
    assert len(reached) == len(set(reached))
    assert set(fates) <= set(reached)
    late = {
        name: when
        for name, when in arrivals(keeping).items()
        if name in told["at"] and when > told["at"][name] + 1.0
    }
    assert late == {}, "a message left a second after its person was erased"
    print(f"{many} erased while {people} were written to: {len(set(reached) & set(names))} had theirs before")


def arrivals(keeping: Keeping) -> dict[str, float]:
    """When the sink had written each one's mail, by its files' own times."""
    found = {}
    for path in (keeping.folder / "outbox").glob("*.eml"):
        line = next(row for row in path.read_text("utf-8", "replace").splitlines() if row.startswith("To: "))
        found[line.removeprefix("To: ").partition("@")[0]] = path.stat().st_mtime
    return found
