"""kill -9 at every step of entering and going on: nobody enters, moves or is written to twice, and nobody is lost.

Run as a program it is one process of the installation: `python -m tests.faults.test_killed_journeys setup|work|tell`.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import world
from tests.faults.forks import Fork, Forks
from tests.faults.world import at_the

pytestmark = [pytest.mark.faults, pytest.mark.slow]
PEOPLE = 120
# Where the worker dies, and at which call of it: inside the transaction of a page, and between two pages.
STEPS = {
    "looked": 1, "let in": 1, "claimed": 1, "planned": 1, "waterfall": 2, "written": 2, "page done": 1, "second page": 2,
}  # fmt: skip
SECOND = {"planned": 3, "written": 4, "page done": 3}


# --- the processes ---------------------------------------------------------------------------------------------------


def setup() -> None:
    """Launch a journey of two messages, and let everyone put something into the basket."""
    from datetime import timedelta  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415

    from campaigns import journeys, lifecycle  # noqa: PLC0415
    from campaigns.messages import default_message  # noqa: PLC0415
    from campaigns.models import Campaign, CampaignSegment, Message, Segment  # noqa: PLC0415
    from customers import events  # noqa: PLC0415
    from customers.events import Incoming  # noqa: PLC0415
    from tests.campaigns.conftest import people  # noqa: PLC0415

    people(PEOPLE)
    then = timezone.now() - timedelta(hours=1)
    campaign = Campaign.objects.create(
        slug="faults",
        name="Faults",
        kind="journey",
        control_percent=10,
        message=Message.objects.create(slug="hello", **default_message()),
    )
    everyone = Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    CampaignSegment.objects.create(campaign=campaign, segment=everyone)
    message = {"kind": "message", "message": "hello", "if_not_sent": "go_on"}
    journeys.publish(
        campaign,
        {
            "entry": {"event": "added"},
            "reentry": "never",
            "goal": {"did": "ordered"},
            "start": "first",
            "steps": {
                "first": {**message, "next": "pause"},
                "pause": {"kind": "wait", "hours": 24, "next": "second"},
                "second": {**message, "next": None},
            },
        },
        by="faults",
    )
    for step in ("approve", "launch"):
        lifecycle.take(campaign, step, by="faults", at=then)
    added = [
        Incoming(message_id=f"a{n}", type="added", customer=f"c{n:03}", sku="rose", occurred_at=then)
        for n in range(PEOPLE)
    ]
    assert events.take_in(added, source="shop", at=then).accepted == PEOPLE


def work(step: str, n: int, hours: int) -> None:
    """Look and go on as if so many hours had passed; die at the nth occurrence of the step (`none`: live)."""
    from datetime import timedelta  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415

    from campaigns import deciding, journeys, triggers  # noqa: PLC0415
    from campaigns.journeys import advancing, deeds, looks, page  # noqa: PLC0415

    # Pages small enough that there are several.
    looks.PAGE = 50
    advancing.advance.__kwdefaults__["limit"] = 15  # type: ignore[index]
    places: dict[str, tuple[Any, str, bool]] = {
        "looked": (journeys, "enter", False),
        "let in": (journeys, "enter", True),
        "claimed": (advancing, "_let_go", True),
        "planned": (deciding, "plan_people", True),
        "waterfall": (deeds, "add_to_waterfall", True),
        "written": (page.Page, "write", True),
        "page done": (advancing, "_advance", True),
        "second page": (advancing, "_advance", False),
    }
    if step in places:
        where, name, after = places[step]
        function: Callable[..., Any] = getattr(where, name)
        setattr(where, name, at_the(n, function, after=after))
    at = timezone.now() + timedelta(hours=hours)
    triggers.look_all(at=at)
    journeys.advance_all(at=at)


def tell() -> None:
    """What stands in the rows, as JSON."""
    from campaigns import audit  # noqa: PLC0415
    from campaigns.models import CampaignRun, Decision, Delivery, JourneyEntry, JourneyVisit  # noqa: PLC0415

    print(
        json.dumps(
            {
                "entries": list(
                    JourneyEntry.objects.values_list("customer__external_id", "arm", "state", "pk")
                ),
                "visits": list(JourneyVisit.objects.values_list("entry_id", "step", "outcome")),
                "decisions": list(Decision.objects.values_list("entry_id", "step")),
                "deliveries": list(Delivery.objects.values_list("entry_id", "step")),
                "waterfall": CampaignRun.objects.get().waterfall,
                "violations": audit.audit().violations,
            }
        )
    )


# --- the parent's side -------------------------------------------------------------------------------------------------


class Installation:
    def __init__(self, environment: dict[str, str], forks: Forks) -> None:
        self.environment, self.forks = environment, forks

    def begin(self, *arguments: str) -> Fork:
        return self.forks.begin(self.environment, "tests.faults.test_killed_journeys", *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.forks.run(self.environment, "tests.faults.test_killed_journeys", *arguments)

    def state(self) -> dict[str, Any]:
        done = self.run("tell")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def installation(tmp_path: Path, migrated: str) -> Iterator[Installation]:
    with world.installation(tmp_path, migrated) as (environment, forks):
        yield Installation(environment, forks)


def test_r1_r2_a_worker_killed_at_each_step_moves_nobody_twice_and_loses_nobody(
    installation: Installation,
) -> None:
    made = installation.run("setup")
    assert made.returncode == 0, made.stderr
    for hours, steps in ((0, STEPS), (25, SECOND)):
        for step, n in steps.items():
            died = installation.run("work", step, str(n), str(hours))
            assert died.returncode == -signal.SIGKILL, (step, died.stderr)
        alive = installation.run("work", "none", "0", str(hours))
        assert alive.returncode == 0, alive.stderr

    state = installation.state()
    entered = Counter(name for name, _arm, _state, _pk in state["entries"])
    assert len(entered) == PEOPLE
    assert set(entered.values()) == {1}
    treated = {pk for _name, arm, _state, pk in state["entries"] if arm == "treated"}
    assert 0 < len(treated) < PEOPLE
    assert {kind for _name, _arm, kind, _pk in state["entries"]} == {"done"}
    every = Counter({(pk, step): 1 for pk in treated for step in (0, 1)})
    assert Counter(map(tuple, state["decisions"])) == every
    assert Counter(map(tuple, state["deliveries"])) == every
    way = [("first", "planned"), ("pause", "waited"), ("second", "planned")]
    assert Counter(map(tuple, state["visits"])) == Counter((pk, *step) for pk in treated for step in way)
    waterfall = state["waterfall"]
    assert waterfall["sendable"] == 2 * len(treated)
    assert waterfall["held_out"] == PEOPLE - len(treated)
    assert waterfall["matched"] == waterfall["sendable"] + waterfall["held_out"]
    assert state["violations"] == []


def test_r2_two_workers_at_once_share_the_people(installation: Installation) -> None:
    assert installation.run("setup").returncode == 0
    both = [installation.begin("work", "none", "0", "0") for _ in range(2)]
    for worker in both:
        _out, error = worker.communicate(timeout=120)
        assert worker.returncode == 0, error
    assert installation.run("work", "none", "0", "0").returncode == 0
    state = installation.state()
    assert len(state["entries"]) == PEOPLE
    treated = [pk for _name, arm, _state, pk in state["entries"] if arm == "treated"]
    assert sorted(pk for pk, _step in state["deliveries"]) == sorted(treated)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    match sys.argv[1:]:
        case ["setup"]:
            setup()
        case ["work", step, n, hours]:
            work(step, int(n), int(hours))
        case ["tell"]:
            tell()
