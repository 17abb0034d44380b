"""How soon every page of the desk answers at a size, and with how many queries; the list goes into docs/operations.md.

    make benchmark-pages        # DATABASE_URL must name a PostgreSQL server; 1,000,000 people, 10,000,000 events

Each page is asked in this process, through the whole middleware, as an administrator would; a page that answers with
something else than 200 is told and left out. Beside them stands an empty page of the desk, the least that any can take.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tqdm import tqdm

from benchmarks import full_shop
from benchmarks.report import save
from tests.pages import pages

MOST_QUERIES, MEDIAN_MS, P95_MS = 30, 500, 1000
LONGEST_MS = 20_000
"""A page that is so slow is not asked as often as the others."""
PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- pages: made by make benchmark-pages -->", "<!-- /pages -->"


@dataclass(frozen=True)
class Told:
    """A page and what it took."""

    name: str
    median_ms: float
    p95_ms: float
    queries: int

    @property
    def is_kept(self) -> bool:
        return self.queries <= MOST_QUERIES and self.median_ms <= MEDIAN_MS and self.p95_ms <= P95_MS


def asked_pages() -> Iterator[tuple[str, list[str]]]:
    """Every page, and each list searched and filtered."""
    yield from pages()
    for model, page in admin.site._registry.items():  # noqa: SLF001 - as Django's own admindocs does
        row = model._default_manager.order_by("-pk").first()  # noqa: SLF001
        name = f"{model._meta.app_label}.{model._meta.model_name}"  # noqa: SLF001
        if page.search_fields:
            yield f"{name} search", [f"{_list(model)}?q=big-777"]
        for field in model._meta.concrete_fields:  # noqa: SLF001
            if field.choices and field.name in page.list_filter and row is not None:
                yield (
                    f"{name} by {field.name}",
                    [f"{_list(model)}?{field.name}__exact={getattr(row, field.name)}"],
                )


def _list(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # noqa: SLF001


def measured(client: Client, name: str, addresses: list[str], repeats: int) -> Told | str:
    """What the page took, after one call to warm up; or what it answered with."""
    said = {address: client.get(address).status_code for address in addresses}
    address = next((one for one, status in said.items() if status == 200), None)
    if address is None:
        return ", ".join(map(str, sorted(set(said.values())))) or "needs more than a row"
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    queries = len(asked)  # read now: the next request empties the record
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - began) * 1000)
        if len(times) >= 3 and sum(times) > LONGEST_MS:
            break
    median, p95 = np.percentile(times, (50, 95))
    return Told(name, float(median), float(p95), queries)


def table(found: list[Told], sizes: str, least: Told) -> str:
    lines = [
        BEGIN,
        sizes,
        "",
        f"An empty page of the desk takes {least.median_ms:.0f} ms here.",
        "",
        "| page | median, ms | 95th percentile, ms | queries | median by an empty page's |",
        "|---|---|---|---|---|",
    ]
    for one in sorted(found, key=lambda told: -told.median_ms):
        by = one.median_ms / least.median_ms
        lines.append(f"| {one.name} | {one.median_ms:.0f} | {one.p95_ms:.0f} | {one.queries} | {by:.1f} |")
    return "\n".join([*lines, END])


def write(told: str) -> None:
    text = PAGE.read_text()
    if BEGIN not in text:
        text += f"\n## How soon the desk's pages answer\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + told + rest.split(END)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--only", default="", help="pages whose name holds this")
    parser.add_argument("--write", action="store_true", help="put the list into docs/operations.md")
    asked = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("DATABASE_URL must name a PostgreSQL server: the pages are measured where such sizes live.")
    sizes = (
        f"{asked.people:,} people, {asked.events:,} events, {asked.campaigns} campaigns; PostgreSQL on the same machine, "
        f"{asked.repeats} calls a page, in one process."
    )
    print(f"pages_speed: {sizes}", flush=True)
    began = time.perf_counter()
    full_shop.fill(people=asked.people, events=asked.events, campaigns=asked.campaigns)
    print(f"  filled in {time.perf_counter() - began:.0f} s", flush=True)
    client = Client()
    client.force_login(User.objects.get(username="marta"))
    found, refused, least = [], [], None
    empty = ("an empty page", [reverse("admin:password_change")])
    for name, addresses in tqdm([empty, *(one for one in asked_pages() if asked.only in one[0])]):
        told = measured(client, name, addresses, asked.repeats)
        if least is None and isinstance(told, Told):
            least = told
        elif isinstance(told, Told):
            found.append(told)
        else:
            refused.append(f"{name} ({told})")
    assert least is not None
    for one in sorted(found, key=lambda told: -told.median_ms):
        mark = "  " if one.is_kept else "! "
        print(f"{mark}{one.name:<50} {one.median_ms:8.0f} {one.p95_ms:8.0f} ms {one.queries:4} queries")
    over = [one for one in found if not one.is_kept]
    print(f"  {len(found)} pages, {len(over)} over {MEDIAN_MS} ms, {P95_MS} ms or {MOST_QUERIES} queries")
    # Forms of what only the platform adds (403), deeds that are asked by POST (302, 405).
    print(f"  not measured: {', '.join(refused) or 'none'}")
    if asked.write:
        write(table(found, sizes, least))
    save("pages_speed", vars(asked), {one.name: one.__dict__ for one in [least, *found]})


if __name__ == "__main__":
    main()
