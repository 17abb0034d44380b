"""Telling others what happened here, by Standard Webhooks: who is told, what is gathered for them, and sending it.

The rows are the queue, and they go upwards by themselves: nobody below knows that anybody is told. `gathering` looks
for rows it has not handed over yet and writes a message for each endpoint that wants it; `sending` makes what the
message says from the row itself, asks once more whether it may, and tries until it arrives or days are over.
"""

from campaigns.webhooks.endpoints import NotAnEndpoint, make, pause, remove, resume, rotate, save_new, update
from campaigns.webhooks.facts import TYPES
from campaigns.webhooks.gathering import gather_all
from campaigns.webhooks.replaying import MOST_AT_ONCE, put_test, replay, replay_failed
from campaigns.webhooks.sending import send_all

__all__ = [
    "MOST_AT_ONCE",
    "TYPES",
    "NotAnEndpoint",
    "gather_all",
    "make",
    "pause",
    "put_test",
    "remove",
    "replay",
    "replay_failed",
    "resume",
    "rotate",
    "save_new",
    "send_all",
    "update",
]
