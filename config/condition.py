"""How each part of this installation does: for the desk's Health page, and for the machines that watch.

A part tells its state in words and, where it is not well, what to do. Nothing here changes anything.
"""

import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import django
from celery.exceptions import CeleryError
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from campaigns import checks
from campaigns.models import Campaign, Delivery
from catalog.pages import told_time
from config.celery import app
from customers import installation, reindexing, suppression
from customers.models import Checkpoint, Installation
from customers.proof import verification

GOOD, ATTENTION, HARM = "good", "attention", "harm"
# The task that notes it is rung each minute.
WORKER_GONE = timedelta(minutes=5)
# What is due is taken within seconds; so long after, somebody should look.
OVERDUE = timedelta(minutes=30)
MOST_COUNTED = 10_000
LOW_DISK, NO_DISK = 0.10, 0.03


@dataclass(frozen=True)
class Part:
    """One part: its state (good, attention, harm), in words, and what to do."""

    name: str
    state: str
    told: str
    todo: str = ""


# --- what machines ask, by yes and no -----------------------------------------------------------------------------


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def cache_answers() -> bool:
    """True where none is set: each process keeps its own."""
    if settings.REDIS_URL:
        try:
            cache.get("ready")
        except (OSError, RedisError):
            return False
    return True


def index_keys_are_known() -> bool:
    return not reindexing.is_key_missing()


# --- what people read ---------------------------------------------------------------------------------------------


def database(at: datetime) -> Part:
    name = _("Database")
    if not database_answers():
        return Part(name, HARM, _("It does not answer."), _("Start it, or mend DATABASE_URL."))
    version = (
        ".".join(str(number) for number in connection.get_database_version())
        if hasattr(connection, "get_database_version")
        else ""
    )
    told = _("%s answers.") % f"{connection.display_name} {version}".strip()
    if not index_keys_are_known():
        return Part(
            name, HARM, told + " " + _("Addresses cannot be found: a key of their index is missing."),
            _("Put the earlier key into INDEX_KEY_FALLBACKS and restart."),
        )  # fmt: skip
    return Part(name, GOOD, told)


def migrations(at: datetime) -> Part:
    executor = MigrationExecutor(connection)
    n = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    name = _("Migrations")
    if not n:
        return Part(name, GOOD, _("All are applied."))
    told = ngettext("%s migration is not applied.", "%s migrations are not applied.", n) % n
    return Part(name, HARM, told, _("Run manage.py migrate."))


def queue(at: datetime) -> Part:
    """The broker: whether it answers, and how many rings wait in it."""
    name = _("Broker")
    mend = _("Start Redis, or mend REDIS_URL. Nothing is lost meanwhile: what is due stands in rows.")
    if not cache_answers():
        return Part(name, HARM, _("Redis does not answer."), mend)
    try:
        n = _rings()
    except (OSError, RedisError, KombuError, CeleryError):
        return Part(name, HARM, _("It does not answer."), mend)
    kind = "Redis" if settings.REDIS_URL else _("The folder of files")
    told = ngettext("%(kind)s answers; %(n)s ring waits.", "%(kind)s answers; %(n)s rings wait.", n) % {
        "kind": kind,
        "n": f"{n:,}",
    }
    return Part(name, GOOD, told)


def _rings() -> int:
    with app.connection_for_read() as link:
        channel: Any = link.default_channel  # its stubs name a base that declares nothing
        try:
            declared = channel.queue_declare(queue=settings.CELERY_TASK_DEFAULT_QUEUE, passive=True)
        except link.channel_errors:  # no queue yet: nobody rang since Redis was empty
            return 0
        return int(declared.message_count)


def worker(at: datetime) -> Part:
    """Worker and scheduler: the one rings each minute, the other notes that it came. One query."""
    return worker_seen(Installation.objects.order_by("pk").first(), at)


def worker_seen(row: Installation | None, at: datetime) -> Part:
    """The same, of a row that is known."""
    name = _("Worker and scheduler")
    start = _("Start both: manage.py serve, or celery -A config worker and celery -A config beat.")
    seen = None if row is None else row.worker_seen_at
    if seen is None:
        return Part(name, ATTENTION, _("No worker has been seen yet: nothing is planned or sent."), start)
    if seen < at - WORKER_GONE:
        told = _("Nothing is planned or sent. Last seen: %s") % told_time(seen)
        return Part(name, HARM, told, start)
    return Part(name, GOOD, _("Last seen: %s") % told_time(seen))


def due(at: datetime) -> Part:
    """Messages that should have left. Two bounded queries by the index of what waits."""
    name = _("Messages that are due")
    waits = Delivery.objects.filter(status__in=(Delivery.Status.PLANNED, Delivery.Status.RETRY))
    overdue = waits.filter(
        not_before__lt=at - OVERDUE, run__campaign__status=Campaign.Status.RUNNING
    ).order_by()
    n = overdue[: MOST_COUNTED + 1].count()
    if not n:
        return Part(name, GOOD, _("None has waited for more than half an hour."))
    many = f"> {MOST_COUNTED:,}" if n > MOST_COUNTED else f"{n:,}"
    told = _("%s should have left more than half an hour ago.") % many
    return Part(
        name, ATTENTION, told, _("Look at the worker above, and at Pace by domain: a domain may be paused.")
    )


def sending(at: datetime) -> Part:
    """Whether mail may leave at all, and when the last did. Four queries."""
    name = _("Sending")
    row = Installation.objects.filter(held_since__isnull=False).first()
    if row is not None:
        told = " ".join([_("Nothing is sent."), *installation.reasons(row)])
        return Part(name, HARM, told, _("Look, and release it under Privacy → Installation."))
    if suppression.is_unanswerable():
        return Part(name, HARM, _("Nothing is sent."), _(installation.KEY_GONE))
    if problems := checks.problems_of_the_sender():
        return Part(name, ATTENTION, " ".join(problems), _("Set them in the environment and restart."))
    ended = Delivery.objects.filter(ended_at__isnull=False).order_by("-ended_at")[:1000]
    last = next((at for status, at in ended.values_list("status", "ended_at") if status == "sent"), None)
    if last is None:
        return Part(name, GOOD, _("It may send; no message has left lately."))
    return Part(name, GOOD, _("It sends. The last message left: %s") % told_time(last))


def disk(at: datetime) -> Part:
    """The disk on which VAR_DIR lies."""
    name = _("Disk of VAR_DIR")
    used = shutil.disk_usage(settings.VAR_DIR)
    share = used.free / used.total
    told = _("%(free)s GB of %(all)s GB are free (%(share)s).") % {
        "free": f"{used.free / 1e9:,.1f}",
        "all": f"{used.total / 1e9:,.1f}",
        "share": f"{share:.0%}",
    }
    todo = _("Make room: models, exports and, with SQLite, the database itself are written there.")
    if share < NO_DISK:
        return Part(name, HARM, told, todo)
    return Part(name, ATTENTION, told, todo) if share < LOW_DISK else Part(name, GOOD, told)


def proof(at: datetime) -> Part:
    """The ledger's checkpoints and verification. Three queries."""
    name = _("Ledger")
    if alarms := verification.alarms(at=at):
        return Part(name, HARM, " ".join(alarms), _("Look under Privacy → Checkpoints."))
    newest = Checkpoint.objects.order_by("-pk").values_list("at", flat=True).first()
    ended = verification.last().get("ended_at")
    verified = told_time(datetime.fromisoformat(ended)) if ended else "–"
    told = _("Last checkpoint: %(at)s; last verified: %(verified)s") % {
        "at": told_time(newest),
        "verified": verified,
    }
    return Part(name, GOOD, told)


def backups(at: datetime) -> Part:
    """Backups are the server's; what a restored one must be told lies in the journal."""
    row = Installation.objects.order_by("pk").first()
    lines = 0 if row is None else row.journal_seen
    told = ngettext(
        "The journal that a restored backup is brought up by has %s line.",
        "The journal that a restored backup is brought up by has %s lines.",
        lines,
    )
    told_where = _("Backups themselves are made outside Tact: docs/operations.md says how.")
    return Part(_("Journal and backups"), GOOD, f"{told % f'{lines:,}'} {told_where}")


def versions(at: datetime) -> Part:
    api = settings.SPECTACULAR_SETTINGS["VERSION"]
    told = f"API {api} · Django {django.get_version()} · Python {platform.python_version()}"
    return Part(_("Versions"), GOOD, told)


ALL: tuple[Callable[[datetime], Part], ...] = (
    database, migrations, queue, worker, due, sending, disk, proof, backups, versions,
)  # fmt: skip


def parts(at: datetime) -> list[Part]:
    """Every part, the worst first; without the database nothing else can be told."""
    if not database_answers():
        return [database(at), disk(at)]
    order = (HARM, ATTENTION, GOOD)
    return sorted((ask(at) for ask in ALL), key=lambda part: order.index(part.state))


def amiss(row: Installation | None, at: datetime) -> list[Part]:
    """Of what costs next to nothing to ask, the parts that are not well. No query."""
    return [part for part in (worker_seen(row, at), disk(at)) if part.state != GOOD]
