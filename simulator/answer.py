"""How people answer a campaign: some open, some click, some order, and machines open and click as well.

Whoever got a mail lives the outcome "with a message", everyone else the outcome "without". The window is told in
compressed time: its orders are stamped between the first mail and now.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np

from simulator.client import Client, Refused, in_batches
from simulator.shop import CURRENCY, KINDS, Shop

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"
OPENS, MACHINE_OPENS, SCANS = 0.45, 0.12, 0.02
CLICKS = {"persuadable": 0.35, "anyway": 0.25, "never": 0.03, "driven_away": 0.02}
USES_CODE = {"persuadable": 0.75, "anyway": 0.60, "never": 0.5, "driven_away": 0.2}
LEAVES = {"persuadable": 0.004, "anyway": 0.004, "never": 0.02, "driven_away": 0.30}
LEAKS = 0.01
_CODE = re.compile(r"\b[A-Z0-9]{0,10}-?[2-9A-HJ-KMNP-Z]{5}-[2-9A-HJ-KMNP-Z]{5}\b")
_SKU = re.compile(r"/(s\d{5})\b")
_PIXEL = re.compile(r'src="([^"]+/o/[^"]+)"')
_CLICK = re.compile(r'href="([^"]+/c/[^"]+)"')


@dataclass(frozen=True)
class Mail:
    """What a person finds in a mail of the campaign."""

    person: str
    sent_at: datetime
    unsubscribe: str
    code: str
    pixel: str
    links: list[str] = field(default_factory=list)
    skus: list[str] = field(default_factory=list)


def read(path: Path) -> Mail | None:
    """A mail of the outbox; None for one that is no campaign's (it has no List-Unsubscribe)."""
    mail = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default)
    unsubscribe = str(mail["List-Unsubscribe"] or "").strip("<> ")
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    if not unsubscribe or html is None or text is None:
        return None
    page, words = html.get_content(), text.get_content()
    code, pixel = _CODE.search(words), _PIXEL.search(page)
    return Mail(
        person=str(mail["To"]).partition("@")[0].removeprefix("nobody-"),
        sent_at=parsedate_to_datetime(str(mail["Date"])).astimezone(UTC),
        unsubscribe=unsubscribe,
        code=code.group() if code else "",
        pixel=pixel.group(1) if pixel else "",
        links=list(dict.fromkeys(_CLICK.findall(page))),
        skus=_SKU.findall(words),
    )


def answer(shop: Shop, client: Client, outbox: Path) -> Mapping[str, int]:
    """Live through the window; answers what was done, by name."""
    began = datetime.now(UTC)
    mails = [mail for path in sorted(outbox.glob("*.eml")) if (mail := read(path)) is not None]
    got = {mail.person: mail for mail in mails}
    rng = np.random.default_rng(shop.answer)
    done: Counter[str] = Counter()
    for person in range(len(shop.people)):
        luck = rng.random(6)
        mail = got.get(shop.customer(person))
        if mail is not None:
            _touch(mail, KINDS[int(shop.truth.kind[person])], luck, client, done)
    orders = _orders(shop, got, began, rng, client, done)
    for taken in in_batches(client, "events", "batch", orders, progress=lambda _n: None):
        done["orders refused"] += len(taken["refused"])
    done["orders"] = len(orders)
    return done


def _touch(
    mail: Mail, kind: str, luck: "np.ndarray[Any, np.dtype[np.float64]]", client: Client, done: Counter[str]
) -> None:
    """What a person, and the machines before them, do with the mail itself."""
    if mail.pixel and luck[0] < MACHINE_OPENS:
        client.visit(mail.pixel, agent=PROXY)
        done["machine opens"] += 1
    if mail.links and luck[1] < SCANS:
        for link in mail.links:
            client.visit(link, agent=SCANNER)
        done["scanned mails"] += 1
    if luck[2] < LEAVES[kind]:
        client.unsubscribe(mail.unsubscribe)
        done["unsubscribed"] += 1
        return
    if luck[3] < OPENS:
        if mail.pixel:
            client.visit(mail.pixel, agent=BROWSER)
            done["opens"] += 1
        if mail.links and luck[4] < CLICKS[kind] / OPENS:
            client.visit(mail.links[int(luck[5] * len(mail.links))], agent=BROWSER)
            done["clicks"] += 1


def _orders(
    shop: Shop,
    got: Mapping[str, Mail],
    began: datetime,
    rng: np.random.Generator,
    client: Client,
    done: Counter[str],
) -> list[dict[str, Any]]:
    rows = []
    now = datetime.now(UTC)
    for person in range(len(shop.people)):
        name, kind = shop.customer(person), KINDS[int(shop.truth.kind[person])]
        luck, place = rng.random(3), int(rng.integers(len(shop.products)))
        mail = got.get(name)
        # Who was drawn in by the mail buys what it showed.
        sku = mail.skus[place % len(mail.skus)] if mail is not None and mail.skus else shop.sku(place)
        money = float(shop.truth.y1[person] if mail is not None else shop.truth.y0[person])
        if not money:
            continue
        stamp = began + (now - began) * float(luck[0])
        order = f"{name}-answer"
        rows.append(
            {
                "message_id": order,
                "customer": name,
                "type": "ordered",
                "sku": sku,
                "value": f"{money:.2f}",
                "currency": CURRENCY,
                "order_id": order,
                "occurred_at": max(stamp, now - timedelta(seconds=1))
                .isoformat(timespec="milliseconds")
                .replace("+00:00", "Z"),
            }
        )
        if mail is not None and mail.code and luck[1] < USES_CODE[kind]:
            stranger = luck[2] < LEAKS
            till = {
                "code": mail.code,
                "customer": shop.customer((person + 1) % len(shop.people)) if stranger else name,
                "order_id": order,
                "amount": f"{money:.2f}",
                "currency": CURRENCY,
                "skus": [sku],
            }
            try:
                client.post("codes/redeem", till)
                done["codes used"] += 1
            except Refused as refusal:
                if refusal.status != 422:
                    raise
                done["codes turned away"] += 1
    return rows
