"""What comes back of a mail: reports of mail servers (RFC 3464) and of mailboxes (RFC 5965), read into notices.

Whoever can write to the mailbox that bounces go to can write such a report. It is believed only where it bears the
Message-ID of one of our messages, 122 random bits that nobody but its recipient has seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message as Mail
from hashlib import sha256
from uuid import UUID

from campaigns.models import Bounce
from campaigns.pace import without_addresses

Kind = Bounce.Kind
_OURS = re.compile(r"\btact-([0-9a-f]{32})@")
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"\b([45]\d\d)\b")
# No such mailbox, or none any more; what else is refused for good says nothing of the address.
_GONE = re.compile(r"5\.(1\.(?!8\b)\d+|2\.1|0\.0)\b")
_COMPLAINTS = ("abuse", "fraud", "virus")


@dataclass(frozen=True)
class Notice:
    """One thing a server, a mailbox or a provider says of one message. `key` is the same for the same saying."""

    key: str
    source: str
    kind: str
    decision_id: UUID | None
    """Of the delivery it is about, by our Message-ID."""
    address: str = ""
    detail: str = ""
    at: datetime | None = None
    is_signed: bool = False
    """A provider signed it: what it says of an address is believed without our Message-ID."""

    @property
    def slows(self) -> bool:
        """The domain wants less of us: a delay or a refusal by policy, but not the state of one mailbox (4.2.x)."""
        if self.kind == Kind.DEFERRED:
            return not self.detail.startswith("4.2.")
        return self.kind == Kind.SOFT and is_policy(self.detail)


def is_policy(words: str) -> bool:
    return re.search(r"\b[45]\.7\.\d+\b", words) is not None


def our_message(text: str) -> UUID | None:
    """The decision whose message this text names."""
    found = _OURS.search(text)
    return UUID(found[1]) if found else None


def kind_of(words: str) -> str | None:
    """Hard, soft or deferred, by the codes a server gave; None where it gave none.

    The enhanced code speaks first (RFC 3463); 550, 551 and 553 without one mean that there is no such mailbox.
    """
    enhanced, reply = _ENHANCED.search(words), _REPLY.search(words)
    if enhanced is not None and enhanced[0] != "5.0.0":
        if enhanced[1] == "2":
            return Kind.DELIVERED
        if enhanced[1] == "4":
            return Kind.DEFERRED
        return Kind.HARD if _GONE.fullmatch(enhanced[0]) else Kind.SOFT
    if reply is not None:
        if reply[0].startswith("4"):
            return Kind.DEFERRED
        return Kind.HARD if reply[0] in ("550", "551", "553") else Kind.SOFT
    return Kind.SOFT if enhanced is not None else None


def notices_of(raw: bytes) -> list[Notice]:
    """What a mail reports; empty where it is no report, or of none of our messages."""
    mail = message_from_bytes(raw)
    kind = mail.get_param("report-type", "") if mail.get_content_type() == "multipart/report" else ""
    decision_id = _about(mail, raw) if kind else None
    if decision_id is None or not isinstance(mail.get_payload(), list):
        return []
    named = (mail["Message-ID"] or "").strip()
    stem = sha256(named.encode() if named else raw).hexdigest()[:40]
    match str(kind).lower():
        case "delivery-status":
            return list(_of_a_server(mail, decision_id, stem))
        case "feedback-report":
            return list(_of_a_mailbox(mail, decision_id, stem))
    return []


def _about(mail: Mail, raw: bytes) -> UUID | None:
    found = our_message(raw.decode("latin-1"))
    if found is not None:
        return found
    for part in mail.walk():  # what was returned may be encoded
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and (found := our_message(content.decode("latin-1"))) is not None:
            return found
    return None


def _parts(mail: Mail, content_type: str) -> Iterator[Mail]:
    """The blocks of headers inside the part of this type."""
    for part in mail.walk():
        if part.get_content_type() == content_type:
            inside = part.get_payload()
            if isinstance(inside, list):
                yield from (block for block in inside if isinstance(block, Mail))


def _of_a_server(mail: Mail, decision_id: UUID, stem: str) -> Iterator[Notice]:
    for index, block in enumerate(_parts(mail, "message/delivery-status")):
        action = (block["Action"] or "").strip().lower()
        if not action:  # the first block is about the report itself
            continue
        status, said = (block["Status"] or "").strip(), (block["Diagnostic-Code"] or "").strip()
        words = " ".join(f"{status} {said.removeprefix('smtp;')}".split())
        match action:
            case "failed":
                kind = kind_of(words) or Kind.SOFT
                # It was given up: a 4xx that went on for too long is a bounce for now.
                kind = Kind.SOFT if kind == Kind.DEFERRED else kind
            case "delayed":
                kind = Kind.DEFERRED
            case "delivered" | "relayed" | "expanded":
                kind = Kind.DELIVERED
            case _:
                continue
        address = (block["Final-Recipient"] or block["Original-Recipient"] or "").rpartition(";")[2].strip()
        yield Notice(f"dsn:{stem}:{index}", "dsn", kind, decision_id, address, without_addresses(words))


def _of_a_mailbox(mail: Mail, decision_id: UUID, stem: str) -> Iterator[Notice]:
    for block in _feedback(mail):
        kind = (block["Feedback-Type"] or "").strip().lower()
        if kind in _COMPLAINTS:
            yield Notice(f"arf:{stem}", "arf", Kind.COMPLAINT, decision_id, detail=kind)
        elif kind == "opt-out":
            yield Notice(f"arf:{stem}", "arf", Kind.UNSUBSCRIBE, decision_id, detail=kind)
        return


def _feedback(mail: Mail) -> Iterator[Mail]:
    """The report's own fields; how the parser leaves them differs with how the part was written."""
    yield from _parts(mail, "message/feedback-report")
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report" and not part.is_multipart():
            content = part.get_payload(decode=True)
            yield message_from_bytes(content if isinstance(content, bytes) else b"")
