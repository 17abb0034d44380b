"""The alarm clock. It only rings: what is due stands in rows, so a lost ring delays and never loses."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery import Task as CeleryTask
from celery.signals import setup_logging
from django.conf import settings
from django.utils import timezone
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["files"] = "config.broker:Transport"


class Task(CeleryTask):  # type: ignore[type-arg]
    """Nothing is done on a database that is older than what people demanded of it (D3). Two queries every 5 seconds."""

    abstract = True

    def __call__(self, *args: Any, **options: Any) -> Any:
        from customers import installation  # noqa: PLC0415 - models are not loaded before this

        installation.may_send(at=timezone.now())
        return super().__call__(*args, **options)


@setup_logging.connect
def _logs_as_everywhere(**_more: Any) -> None:
    """Celery's own handlers would write the arguments and texts of exceptions; ours stand in the settings."""
    logging.config.dictConfig(settings.LOGGING)


app = Celery("tact", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "plan what is due": {"task": "campaigns.tasks.plan_due", "schedule": 20.0},
    "deliver what is planned": {"task": "campaigns.tasks.deliver_due", "schedule": 10.0},
    "let people into journeys": {"task": "campaigns.tasks.enter_journeys", "schedule": 20.0},
    "move people through journeys": {"task": "campaigns.tasks.advance_journeys", "schedule": 15.0},
    "learn which offers work": {"task": "campaigns.tasks.renew_rankings", "schedule": 900.0},
    "look after codes": {"task": "campaigns.tasks.tidy_codes", "schedule": 300.0},
    "give or take back what was set aside": {"task": "campaigns.tasks.settle_due", "schedule": 15.0},
    "stop campaigns that do harm": {"task": "campaigns.tasks.stop_what_harms", "schedule": 30.0},
    "shift the shares of variants": {"task": "campaigns.tasks.renew_shares", "schedule": 3600.0},
    "work out reports anew": {"task": "campaigns.tasks.renew_reports", "schedule": 30.0},
    "study whom a campaign changes": {"task": "campaigns.tasks.study_uplift", "schedule": 30.0},
    "ask for consent by mail": {"task": "campaigns.tasks.ask_for_consent", "schedule": 30.0},
    "look back at who was offered what": {"task": "campaigns.tasks.look_back", "schedule": 3600.0},
    "gather what others are told of": {"task": "campaigns.tasks.gather_webhooks", "schedule": 10.0},
    "tell others what happened": {"task": "campaigns.tasks.send_webhooks", "schedule": 5.0},
    "count what the home shows": {"task": "campaigns.tasks.note_figures", "schedule": 60.0},
    "write and delete exports": {"task": "campaigns.tasks.work_exports", "schedule": 15.0},
    "put codes into pools": {"task": "campaigns.tasks.work_codes", "schedule": 5.0},
    "measure segments": {"task": "campaigns.tasks.measure_segments", "schedule": 3600.0},
    "credit outcomes": {"task": "campaigns.tasks.credit_outcomes", "schedule": 60.0},
    "run trainings that were asked for": {"task": "recommender.tasks.run_due", "schedule": 15.0},
    "keep the models up": {"task": "recommender.tasks.renew", "schedule": 60.0},
    "count pairs that were asked for": {"task": "recommender.tasks.count_pairs", "schedule": 60.0},
    "train every night": {"task": "recommender.tasks.train_nightly", "schedule": 24 * 3600.0},
    "note how far the journal is known": {"task": "customers.tasks.keep_journal", "schedule": 60.0},
    "take files in": {"task": "customers.tasks.work_imports", "schedule": 5.0},
    "do what people demand": {"task": "customers.tasks.work_requests", "schedule": 30.0},
    "answer what people demand": {"task": "campaigns.tasks.answer_requests", "schedule": 30.0},
    "sign the ledger": {"task": "customers.tasks.checkpoint_ledger", "schedule": 300.0},
    "verify the ledger": {"task": "customers.tasks.verify_ledger", "schedule": 20.0},
    "keep no longer than needed": {"task": "customers.tasks.tidy", "schedule": 3600.0},
}
