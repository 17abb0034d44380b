"""Deciding, planning and rendering with caps and budgets, against a bare loop of the same inserts and the same rendering.

Eight processes plan spans of one run: matching, consent, arms, offers with exact caps, codes, rows; then each renders
what it planned, as the sender does. The bare loop is eight processes that insert the very same rows, already made, and
render the very same messages, with no question asked. PostgreSQL: a server in DATABASE_URL.
"""

import argparse
import multiprocessing as mp
import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from benchmarks import world
from benchmarks.report import ratios, save, spread, told
from campaigns import messages, planning, queue
from campaigns.models import (
    Campaign,
    CampaignRun,
    Code,
    Decision,
    Delivery,
    Offer,
    OfferCap,
    Placement,
)

OFFERS = 20
BOUGHT = 500
"""Only so many people have a past; the others are shown what strangers are."""
SPAWN = mp.get_context("spawn")
Span = tuple[int, int]


def offers() -> list[Offer]:
    """Twenty limited ones, and one for whom they turn away: totals, weekly caps, budgets, pools and rules."""
    rows = []
    for n in range(OFFERS):
        row = Offer.objects.create(
            slug=f"offer-{n:02}",
            title=f"Offer {n}",
            status=Offer.Status.APPROVED,
            benefit=Offer.Benefit.PERCENT,
            value=Decimal(5 + n),
            currency="EUR",
            priority=n % 5,
            max_discount=Decimal(10),
            budget=Decimal(10_000_000),
            max_total=10_000_000,
            max_per_customer=1,
            eligibility={"attribute": "country", "is": "DE"} if n % 4 == 0 else None,
        )
        OfferCap.objects.create(offer=row, most=10_000_000, scope="total", every_days=7)
        if n % 4 == 1:
            OfferCap.objects.create(offer=row, most=2, every_days=30)
        rows.append(row)
    return rows


def spans() -> list[Span]:
    found, after = [], 0
    while (span := planning.next_span(after=after)) is not None:
        found.append(span)
        after = span[1]
    return found


def planned_by(run_id: int, span: Span) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(run_id=run_id, customer_id__gt=span[0], customer_id__lte=span[1])
    return rows.order_by("pk")


def whole(run_id: int, span: Span) -> list[Delivery]:
    """The span's messages with every column of what is inserted with them, for the bare loop to insert again."""
    related = ("run__campaign", "content", "customer__key", "decision__offer", "decision__code")
    return list(planned_by(run_id, span).select_related(*related))


def render(deliveries: Sequence[Delivery], at: Any) -> None:
    page = messages.page_of(deliveries, at=at)
    for delivery in deliveries:
        messages.finish(delivery, delivery.content, page)


def highest_memory() -> float:
    """Of this process, MB; what `getrusage` tells a new process holds its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1]) / 1024


def work(kind: str, run_id: int, todo: Sequence[Span], at: Any, next_: Any, gate: Any, told_: Any) -> None:
    """One process: take the next span until none is left; tell how many messages, and the memory at its highest."""
    # A bare worker holds its rows beforehand, so its share is fixed.
    run = CampaignRun.objects.select_related("campaign__message").get(pk=run_id)
    mine = [(span, whole(run_id, span)) for span in todo] if kind == "bare" else []
    connection.close()
    gate.wait()  # all have read
    gate.wait()  # the parent has emptied the tables
    done = 0
    if kind == "bare":
        for _span, deliveries in mine:
            with transaction.atomic():
                Code.objects.bulk_create(
                    [row.decision.code for row in deliveries if row.decision.code], batch_size=500
                )
                Decision.objects.bulk_create([row.decision for row in deliveries], batch_size=200)
                Delivery.objects.bulk_create(deliveries, batch_size=500)
            render(deliveries, at)
            done += len(deliveries)
    else:
        audiences = list(
            run.campaign.audiences.select_related("segment").prefetch_related("offers__categories")
        )
        while True:
            with next_.get_lock():
                n, next_.value = next_.value, next_.value + 1
            if n >= len(todo):
                break
            with transaction.atomic():
                planning.plan_span(run, audiences, todo[n], at=at)
            # As the sender reads them.
            deliveries = queue.load(list(planned_by(run_id, todo[n]).values_list("pk", flat=True)))
            render(deliveries, at)
            done += len(deliveries)
    told_.put((done, highest_memory()))


def together(
    kind: str, run: CampaignRun, todo: Sequence[Span], planners: int, *, at: Any, before: Callable[[], None]
) -> tuple[float, int, float]:
    """Seconds, messages and the highest memory of a process, MB."""
    gate, next_, told_ = SPAWN.Barrier(planners + 1), SPAWN.Value("l", 0), SPAWN.Queue()
    shares = [list(todo[n::planners]) for n in range(planners)] if kind == "bare" else [list(todo)] * planners
    processes = [
        SPAWN.Process(target=work, args=(kind, run.pk, share, at, next_, gate, told_)) for share in shares
    ]
    connection.close()
    for process in processes:
        process.start()
    gate.wait()
    before()
    connection.close()
    gate.wait()
    began = time.perf_counter()
    answers = [told_.get() for _ in processes]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return seconds, sum(done for done, _memory in answers), max(memory for _done, memory in answers)


def empty(run: CampaignRun) -> None:
    Delivery.objects.filter(run=run).delete()
    Decision.objects.filter(run=run).delete()
    Code.objects.all().delete()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--planners", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    if connection.vendor != "postgresql":
        raise SystemExit("Eight planners at once need PostgreSQL: set DATABASE_URL to a server.")
    world.migrate()
    skus = world.products(300)
    names = list(world.people(asked.people))
    world.purchases(names[:BOUGHT], skus, each=12)
    world.learn("popularity", "frequency")
    rows = offers()
    Placement.objects.create(slug="email", name="E-mail", channel="email", explore_percent=5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    ours, bare, memory, memory_bare = [], [], [], []
    for n in range(asked.repetitions + 1):  # the first one warms up
        at = world.NOW + timedelta(days=8 * n)  # beyond the frequency cap's window
        campaign = world.campaign(f"limited-{n}", at=at)
        campaign.audiences.get().offers.set(rows)
        run, todo = campaign.runs.get(), spans()
        seconds, done, most = together("ours", run, todo, asked.planners, at=at, before=lambda: None)
        assert done == asked.people, done
        counted = dict(Offer.objects.values_list("pk", "given"))
        assert sum(counted[row.pk] for row in rows) == done
        bare_s, bare_done, bare_most = together(
            "bare", run, todo, asked.planners, at=at, before=partial(empty, run)
        )
        assert bare_done == done
        empty(run)
        Campaign.objects.filter(pk=campaign.pk).update(status=Campaign.Status.FINISHED)
        Offer.objects.update(given=0, discount_reserved=0)
        if n:
            ours.append(done / seconds)
            bare.append(done / bare_s)
            memory.append(most)
            memory_bare.append(bare_most)
    figures = {
        "decided_planned_rendered_a_second": spread(ours),
        "bare_a_second": spread(bare),
        "share_of_bare": ratios(ours, bare),
        "memory_mb_a_process": spread(memory),
        "bare_memory_mb_a_process": spread(memory_bare),
    }
    print(
        f"planning_speed: {asked.people:,} people, {OFFERS} offers with caps and budgets, {asked.planners} planners, {os.cpu_count()} cores"
    )
    print(f"  decided, planned, rendered  {told(figures['decided_planned_rendered_a_second'])} a second")
    print(f"  bare inserts and rendering  {told(figures['bare_a_second'])} a second")
    print(f"  share of bare               {told(figures['share_of_bare'], 2)}")
    print(
        f"  memory of a process, MB     {told(figures['memory_mb_a_process'])}; bare {told(figures['bare_memory_mb_a_process'])}"
    )
    save("planning_speed", {"people": asked.people, "offers": OFFERS, "planners": asked.planners}, figures)


if __name__ == "__main__":
    main()
