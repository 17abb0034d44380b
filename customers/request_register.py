"""The register of what people demanded and what came of it; it names nobody."""

import csv
import io
from collections.abc import Iterator

from catalog.files import harmless
from customers.models import PrivacyRequest

REGISTER = (
    "id", "customer_number", "type", "state", "source", "asked_at", "proven_at", "proven_by", "due_at",
    "extended_reason", "ended_at", "why",
)  # fmt: skip


def as_csv() -> Iterator[str]:
    """The register as CSV, a page of rows at a time; formulas are made text (S4)."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([*REGISTER, "evidence"])
    rows = PrivacyRequest.objects.order_by("asked_at", "pk").only(*REGISTER, "steps").iterator(chunk_size=500)
    for row in rows:
        done = "; ".join(f"{line['store']}: {line['what']} {line['rows']}" for line in row.steps)
        table.writerow([*(harmless(getattr(row, name)) for name in REGISTER), harmless(done)])
        if text.tell() > 50_000:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()
