"""Planning and delivering mails, against a bare smtplib loop that sends the same mails to the same sink."""

import argparse
import os
import smtplib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from benchmarks import PORT, world
from benchmarks.report import ratios, save, spread, told
from campaigns import delivery, planning
from campaigns.models import Delivery


def bare(mails: list[tuple[str, bytes]]) -> None:
    """One connection; MAIL, RCPT, DATA and the body, one mail after the other."""
    with smtplib.SMTP("127.0.0.1", PORT) as line:
        for recipient, content in mails:
            line.sendmail("hello@shop.example", [recipient], content)


def timed(work: Callable[[], object], *, children: bool = False) -> tuple[float, float]:
    """Wall and CPU seconds of one call, in this process or in those it starts."""

    def cpu() -> float:
        used = os.times()
        return used.children_user + used.children_system if children else used.user + used.system

    wall, before = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - wall, cpu() - before


def together(count: int, work: Callable[[int], object]) -> None:
    """The same work in so many processes at once, each told its number."""
    connections.close_all()  # a line to the database is not shared with a child
    processes = [get_context("fork").Process(target=work, args=(n,)) for n in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, process.exitcode


def deliver_together(senders: int, at: datetime) -> None:
    together(senders, lambda _n: delivery.deliver_all(clock=lambda: at))
    fates = Counter(Delivery.objects.filter(transmitting_at=at).values_list("status", flat=True))
    assert set(fates) == {"sent"}, fates


def newest(outbox: Path, count: int) -> list[tuple[str, bytes]]:
    files = sorted(outbox.glob("*.eml"), key=lambda path: int(path.stem))[-count:]
    found = [path.read_bytes() for path in files]
    return [(str(message_from_bytes(mail, policy=policy.default)["To"]), mail) for mail in found]


def statements(at: datetime) -> float:
    """How many statements one more mail costs."""
    counts = []
    for size in (10, 30):
        with CaptureQueriesContext(connection) as queries:
            assert delivery.deliver_due(clock=lambda: at, limit=size)["sent"] == size
        counts.append(len(queries))
    return (counts[1] - counts[0]) / 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--senders", type=int, default=1, help="processes that send at once, theirs as many")
    asked = parser.parse_args()
    world.migrate()
    skus = world.products(300)
    names = list(world.people(asked.mails))
    world.purchases(names, skus, each=12)
    world.learn("blend", "popularity", "frequency")
    planned, sent, ours_cpu, theirs, theirs_cpu = [], [], [], [], []
    size = 0.0
    with world.sink() as outbox:
        for repetition in range(asked.repetitions + 1):  # the first one warms up and counts statements
            at = world.NOW + timedelta(days=8 * repetition)  # beyond the frequency cap's window
            run = world.campaign(f"spring-{repetition}", at=at).runs.get()
            planning_s, planning_cpu = timed(lambda run=run, at=at: planning.plan(run, at=at))
            if repetition == 0:
                each = statements(at)
            delivery_s, delivery_cpu = timed(partial(deliver_together, asked.senders, at), children=True)
            if repetition == 0:
                continue
            mails = newest(outbox, asked.mails)
            size = sum(len(content) for _recipient, content in mails) / len(mails)
            bare_s, bare_cpu = timed(
                lambda mails=mails: together(asked.senders, lambda n: bare(mails[n :: asked.senders])),
                children=True,
            )
            planned.append(planning_s)
            sent.append(delivery_s)
            ours_cpu.append(planning_cpu + delivery_cpu)
            theirs.append(bare_s)
            theirs_cpu.append(bare_cpu)
    rate = spread([asked.mails / (a + b) for a, b in zip(planned, sent, strict=True)])
    figures = {
        "mails_a_second": rate,
        "mails_a_second_delivery_alone": spread([asked.mails / s for s in sent]),
        "bare_mails_a_second": spread([asked.mails / s for s in theirs]),
        "time_by_bare": ratios([a + b for a, b in zip(planned, sent, strict=True)], theirs),
        "planning_ms_a_mail": spread([s / asked.mails * 1000 for s in planned]),
        "cpu_ms_a_mail": spread([s / asked.mails * 1000 for s in ours_cpu]),
        "bare_cpu_ms_a_mail": spread([s / asked.mails * 1000 for s in theirs_cpu]),
        "statements_a_mail": each,
    }
    print(
        f"delivery_speed: {asked.mails:,} mails of {size / 1024:.1f} kB, {asked.repetitions} repetitions, {asked.senders} senders"
    )
    print(f"  planned and delivered  {told(rate)} mails/s, {each:g} statements a mail")
    print(f"  delivered alone        {told(figures['mails_a_second_delivery_alone'])} mails/s")
    print(f"  bare smtplib loop      {told(figures['bare_mails_a_second'])} mails/s")
    print(f"  time against bare      {told(figures['time_by_bare'], 2)} times")
    print(
        f"  CPU ms a mail          {told(figures['cpu_ms_a_mail'], 2)}; bare {told(figures['bare_cpu_ms_a_mail'], 2)}"
    )
    sizes = {"mails": asked.mails, "bytes_a_mail": round(size), "products": 300, "senders": asked.senders}
    save("delivery_speed" if asked.senders == 1 else f"delivery_speed_{asked.senders}", sizes, figures)


if __name__ == "__main__":
    main()
