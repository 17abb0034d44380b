"""Forms that no page of ours sends, at people's own addresses: an answer below 500, and no answer of theirs is raised."""

from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from customers import links
from customers.models import ConsentState, Customer
from tests.config import hostile

pytestmark = pytest.mark.django_db
KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
    "text/plain",
    "",
)
FORMS = {
    "a NUL": b"purpose=analytics%00&granted=1",
    "half a surrogate": b"purpose=%ED%A0%80",
    "no UTF-8": b"purpose=%FF%FE&notice=\xff",
    "2,000 fields": "&".join(f"f{n}={n}" for n in range(2000)).encode(),
    "3 MB": b"purpose=" + b"a" * 3_000_000,
    "a file": b'--x\r\nContent-Disposition: form-data; name="purpose"; filename="a"\r\n\r\nz\r\n--x--\r\n',
    "half a part": b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nanal',
    "a part without a name": b"--x\r\n\r\nz\r\n--x--\r\n",
    "every value strange": urlencode([(name, str(value)[:5000]) for value in hostile.VALUES[:60] for name in ("purpose", "answer", "every_days", "category", "field", "value", "text", "language")], errors="replace").encode(),
    **{name: hostile.BODIES[name] for name in ("half a body", "lists, 10,000 deep", "zeros, packed")},
}  # fmt: skip


def test_what_no_page_of_ours_sends_breaks_nothing_and_allows_nothing(
    boris: Customer, client: Client
) -> None:
    own = urlsplit(links.preferences_url(boris)).path
    privacy = own.replace("/preferences/", "/privacy/")
    leave = urlsplit(links.unsubscribe_url(boris, "marketing_email")).path
    addresses = [
        own,
        leave,
        privacy,
        f"{privacy}ask/access",
        f"{privacy}ask/rectification",
        f"{privacy}erase",
    ]
    wrong = []
    for address in addresses:
        for name, body in FORMS.items():
            for kind in KINDS:
                answer = client.generic("POST", address, body, kind)
                if answer.status_code >= 500:
                    wrong.append((address.rpartition("/")[2] or address[:12], name, kind, answer.status_code))
    assert not wrong
    assert not ConsentState.objects.filter(customer=boris, granted=True).exists()
    assert Customer.objects.get(pk=boris.pk).erased_at is None
