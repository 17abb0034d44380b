"""`make pictures`: the few pictures of the desk that stand in the documentation, docs/pictures, from what `make demo` left.

It works on a copy of the demo, which stays as it is. Every page at once, in every look: `make screenshots`.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import django
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from config.demo import wait_for
from config.processes import BASE_DIR, Processes, free_port, web
from tests import chromium

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FOLDER = BASE_DIR / "docs/pictures"
DESK, PHONE = (1440, 900), (390, 844)
# Each is drawn from the top of its page to so many pixels below.
HEIGHTS = {DESK: 1080, PHONE: 1500}
TALLER = {"check": 1560, "journey": 1480}
COLOURS = 128
QUIETLY = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def copied(demo: Path) -> Iterator[None]:
    """The environment of a copy of the demo in this folder."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(demo, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("outbox", "static"))
        lines = (demo / "demo.env").read_text().splitlines()
        os.environ.update(line.split("=", 1) for line in lines if "=" in line)
        os.environ.update(VAR_DIR=folder, ENV_FILE="", DJANGO_SETTINGS_MODULE="config.settings")
        yield


def prepare() -> tuple["User", dict[str, str]]:
    """Somebody who may see everything, a draft and a journey to show, the figures counted: who, and name → address."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after django.setup()
    from django.urls import reverse  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from campaigns import figures, lifecycle, recipes  # noqa: PLC0415
    from campaigns.models import Campaign, Decision  # noqa: PLC0415
    from customers import installation  # noqa: PLC0415
    from customers.models import Customer, Installation  # noqa: PLC0415

    user = User.objects.create_superuser("marta", "marta@shop.example")
    installation.release(by=user.username, at=timezone.now())
    Installation.objects.update(worker_seen_at=timezone.now())
    figures.note_due(at=timezone.now())
    sent = Campaign.objects.get(slug="demo")
    draft = lifecycle.copy(sent, slug="spring-again", by=user.username)
    Campaign.objects.filter(pk=draft.pk).update(name="Spring in the garden")
    way = recipes.make("win-back", by=user.username)
    segment = sent.audiences.order_by("position").first()
    treated = Decision.objects.filter(campaign=sent, arm="treated").values("customer")
    person = Customer.objects.filter(pk__in=treated, interests__isnull=False).earliest("pk")
    assert segment is not None
    return user, {
        "home": reverse("admin:index"),
        "segment": reverse("admin:campaigns_segment_change", args=[segment.segment_id]),
        "check": reverse("admin:campaigns_campaign_path", args=[draft.pk]) + "?step=check",
        "message": reverse("admin:campaigns_message_add") + "?layout=offer",
        "journey": reverse("admin:campaigns_journeyversion_of", args=[way.pk]),
        "report": reverse("admin:campaigns_campaign_report", args=[sent.pk]) + "?until=now",
        "customer": reverse("admin:customers_customer_change", args=[person.pk]) + "#timeline",
    }


def session_of(user: "User") -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    store = SessionStore()
    store.update({
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    })  # fmt: skip
    store.create()
    assert store.session_key is not None
    return str(store.session_key)


def keep(page: Page, file: Path, height: int) -> None:
    """As a PNG of few colours: a fraction of the size, and nobody sees it."""
    whole = file.with_suffix(".whole.png")
    page.screenshot(path=whole, clip={"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height})  # type: ignore[index]
    with Image.open(whole) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    whole.unlink()


def look(browser: Browser, base: str, session: str, *, address: str, file: Path, size: tuple[int, int], scheme: str, language: str) -> None:  # fmt: skip
    height = TALLER.get(file.stem, HEIGHTS[size])
    context = browser.new_context(viewport={"width": size[0], "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    context.add_cookies([
        {"name": "sessionid", "value": session, "url": base},
        {"name": "django_language", "value": language, "url": base},
    ])  # fmt: skip
    page = context.new_page()
    page.goto(base + address, wait_until="networkidle", timeout=120_000)
    page.wait_for_timeout(1500)
    keep(page, file, height)
    context.close()


def main() -> int:
    demo = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))
    if not (demo / "demo.env").exists():
        sys.stderr.write("There is no demo to take pictures of: make demo SERVE=0\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with copied(demo), Processes() as processes:
        django.setup()
        user, addresses = prepare()
        session, port = session_of(user), free_port()
        processes.start("web", web(port))
        wait_for(port)
        looks = [(name, DESK, "light", "en", name) for name in addresses if name != "customer"]
        looks += [("report-phone", PHONE, "dark", "zh-hans", "report"), ("customer-zh", DESK, "light", "zh-hans", "customer")]  # fmt: skip
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=QUIETLY)
            for name, size, scheme, language, of in looks:
                file = FOLDER / f"{name}.png"
                look(browser, f"http://127.0.0.1:{port}", session, address=addresses[of], file=file, size=size, scheme=scheme, language=language)  # fmt: skip
                sys.stdout.write(f"{file.relative_to(BASE_DIR)}  {file.stat().st_size // 1024} KB\n")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
