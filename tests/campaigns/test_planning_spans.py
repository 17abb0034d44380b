"""Several planners of one run: each span is claimed, planned once, and taken again from who died."""

from collections.abc import Callable

import pytest

from campaigns import planning
from campaigns.models import Campaign, CampaignRun, Decision
from campaigns.waterfall import Waterfall
from tests.campaigns.conftest import people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def test_a_span_whose_planner_died_is_taken_again(campaign: Make, monkeypatch) -> None:
    people(30)
    monkeypatch.setattr(planning, "PAGE", 10)
    run = campaign().runs.get()
    assert planning._claim(run, at=NOW) is not None  # and dies
    assert planning.plan(run, at=NOW) == 20
    run.refresh_from_db()
    assert (run.state, len(run.spans)) == ("planning", 1)
    assert planning.plan(run, at=NOW + planning.LEASE) == 10
    run.refresh_from_db()
    assert (run.state, run.spans, Waterfall.from_dict(run.waterfall).sendable) == ("delivering", [], 30)


@pytest.mark.parametrize("meanwhile", [{"spans": []}, {"state": "cancelled"}])
def test_a_span_that_is_another_s_by_then_leaves_nothing_behind(
    campaign: Make, monkeypatch, meanwhile: dict
) -> None:
    people(5)
    run = campaign().runs.get()
    plan_span = planning.plan_span

    def overtaken(*args: object, **more: object) -> Waterfall:
        found = plan_span(*args, **more)
        CampaignRun.objects.update(**meanwhile)
        return found

    monkeypatch.setattr(planning, "plan_span", overtaken)
    with pytest.raises(planning.Overtaken):
        planning.plan_page(run, at=NOW)
    assert Decision.objects.count() == 0
