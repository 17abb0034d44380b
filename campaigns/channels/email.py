"""E-mail over SMTP, with the point of no return where the body begins.

MAIL, RCPT and DATA are said in `open`, up to the server's 354; the caller then commits that the message is being
transmitted; only then does `send` give the body. Before that point a lost line costs nothing, after it the fate is
known (250, 4xx, 5xx) or named unknown.
"""

import base64
import binascii
import contextlib
import secrets
import smtplib
import ssl
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from campaigns.channels.base import Channel, LineBroken, Refused, Slows, TryLater
from campaigns.messages import Finished

TIMEOUT_S = 20
# "No such mailbox" in its several spellings; other refusals are about the message or the sender.
HARD_BOUNCES = (550, 551, 553)
# An address longer than a line must stay one word: folded, it would be encoded, and no mailbox could read it.
UNFOLDED = SMTP.clone(max_line_length=998)
# SES and its kin: "you send too fast". Never a failure of the message.
THROTTLED = 454
_LOST = (smtplib.SMTPServerDisconnected, OSError, EOFError)


class Email(Channel):
    def __init__(self) -> None:
        self._line: smtplib.SMTP | None = None
        self._opened: tuple[Finished, bytes] | None = None

    def open(self, message: Finished) -> None:
        # What cannot be written is refused before the server hears of it.
        recipient, self._opened = mailbox(message.address), (message, _body(message))
        line = self._connected()
        try:
            sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
            if line.has_extn("pipelining"):
                self._pipelined(line, sender, recipient)
                return
            self._say(*line.mail(sender), before_recipient=True)
            self._say(*line.rcpt(recipient), at_recipient=True)
            code, answer = line.docmd("DATA")
            if code != 354:
                self._say(code, answer)
        except _LOST as error:
            self.drop()
            raise TryLater(f"the line was lost: {type(error).__name__}") from error

    def _pipelined(self, line: smtplib.SMTP, sender: str, recipient: str) -> None:
        """The three commands in one breath (RFC 2920): one way there and back instead of three, the same answers."""
        said = f"MAIL FROM:{smtplib.quoteaddr(sender)}\r\nRCPT TO:{smtplib.quoteaddr(recipient)}\r\nDATA\r\n"
        line.send(said)
        answers: list[tuple[int, bytes]] = []
        while len(answers) < 3:
            try:
                answers.append(line.getreply())
            except _LOST:
                if all(200 <= code < 300 for code, _answer in answers):
                    raise
                break  # it said why, and hung up
        is_open = len(answers) == 3 and answers[2][0] == 354
        if is_open and not all(200 <= code < 300 for code, _answer in answers[:2]):
            self.drop()  # it waits for a body nobody may have: hanging up is the only way back
        for place, (code, answer) in enumerate(answers):
            if code != 354 or place < 2:
                self._say(code, answer, before_recipient=place == 0, at_recipient=place == 1)

    def _transmit(self, message: Finished) -> None:
        line = self._line
        if line is None or self._opened is None:
            raise TryLater("no message was opened")
        opened, body = self._opened
        if message is not opened:  # the mail that asks is written after its line is open
            try:
                body = _body(message)
            except Refused:
                self.drop()
                raise
        try:
            line.send(body + b".\r\n")
            code, answer = line.getreply()
        except _LOST as error:
            self.drop()
            raise LineBroken(f"{type(error).__name__} after the body began") from error
        if code != 250:
            self._say(code, answer)

    def drop(self) -> None:
        # A message begun with DATA can only be called off by hanging up before the closing dot.
        if self._line is not None:
            self._line.close()
            self._line = None

    def close(self) -> None:
        if self._line is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._line.quit()
            self._line = None

    def _say(
        self, code: int, answer: bytes, *, before_recipient: bool = False, at_recipient: bool = False
    ) -> None:
        """Raise what the server's answer means, unless it is a yes."""
        if 200 <= code < 300:
            return
        words = f"{code} {answer.decode('utf-8', 'replace')}"[:250]
        if code == 421:
            self.drop()
            raise TryLater(words, slows=Slows.EVERYBODY if before_recipient else Slows.DOMAIN, pauses=True)
        line = self._line
        if line is not None:
            try:
                line.rset()
            except _LOST:
                self.drop()
        if code == THROTTLED:
            raise TryLater(words, slows=Slows.EVERYBODY, pauses=True, is_throttle=True)
        if 400 <= code < 500:
            # 4.2.x is about one mailbox, such as a full one; its domain has said nothing.
            whose = Slows.NOBODY if answer.lstrip().startswith(b"4.2.") else Slows.DOMAIN
            raise TryLater(words, slows=Slows.EVERYBODY if before_recipient else whose)
        policy = answer.lstrip().startswith(b"5.7.")
        raise Refused(words, is_hard_bounce=at_recipient and code in HARD_BOUNCES and not policy)

    def _connected(self) -> smtplib.SMTP:
        if self._line is not None:
            return self._line
        url = urlsplit(settings.EMAIL_URL)
        host, port = url.hostname or "127.0.0.1", url.port or (465 if url.scheme == "smtps" else 25)
        try:
            if url.scheme == "smtps":
                line: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()
                )
            else:
                line = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
            line.ehlo_or_helo_if_needed()
            if parse_qs(url.query).get("tls") == ["1"]:
                line.starttls(context=ssl.create_default_context())
            if url.username:
                line.login(unquote(url.username), unquote(url.password or ""))
        except smtplib.SMTPConnectError as error:
            is_full = 400 <= error.smtp_code < 500  # the server is there and has no room for one more line
            slows = Slows.EVERYBODY if is_full else Slows.NOBODY
            raise TryLater(f"no line to {host}:{port}: {error}"[:250], slows=slows, pauses=is_full) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater(f"no line to {host}:{port}: {error}"[:250]) from error
        self._line = line
        return line


def _body(message: Finished) -> bytes:
    """The message as it goes over the line: CRLF, dots doubled, ended by CRLF. A line break in a header is refused."""
    plain = {"Date": formatdate(), "Message-ID": message.message_id, **message.headers}
    mail = EmailMessage(policy=UNFOLDED)
    try:
        sender = _from(settings.DEFAULT_FROM_EMAIL)
        mail["To"] = Address(addr_spec=mailbox(message.address))
        mail["Subject"] = message.subject
    except (ValueError, IndexError, HeaderParseError) as error:
        raise Refused(f"a header cannot be written: {error}"[:250]) from error
    for name, value in plain.items():
        if not (value.isascii() and value.isprintable()):  # a line break would begin another header
            raise Refused(f"the header {name} cannot be written")
    # Put together by hand where there is nothing to encode: the library's own way costs six times the rest.
    boundary = f"=_{secrets.token_hex(16)}"
    data = b"".join(
        (
            sender,
            UNFOLDED.fold_binary("To", mail["To"]),
            # An encoded word has at most 75 characters (RFC 2047, 2): the subject alone is folded.
            SMTP.fold_binary("Subject", mail["Subject"]),
            *(f"{name}: {value}\r\n".encode() for name, value in plain.items()),
            b"MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode(),
            *(
                b"\r\n--%b\r\n%b" % (boundary.encode(), _part(kind, text))
                for kind, text in (("plain", message.text), ("html", message.html))
            ),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    # A line that begins with a dot would end the message (RFC 5321, 4.5.2).
    return data.replace(b"\r\n.", b"\r\n..")


def mailbox(address: str) -> str:
    """The address in ASCII, its domain as IDNA has it. Raises Refused for what SMTP without extensions cannot carry."""
    local, _at, domain = address.rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise Refused("the address has letters that this server cannot carry") from error


@lru_cache(maxsize=8)
def _from(written: str) -> bytes:
    """The header, whole."""
    name, address = parseaddr(written)
    mail = EmailMessage(policy=UNFOLDED)
    mail["From"] = Address(name, addr_spec=address)
    return UNFOLDED.fold_binary("From", mail["From"])


def _part(kind: str, text: str) -> bytes:
    """One part of the message, its text in whichever of the two encodings is shorter. Every line ends in CRLF."""
    content = b"\r\n".join([*text.encode().splitlines(), b""])
    quoted = binascii.b2a_qp(content)
    lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
    encoding, encoded = (b"base64", lines) if len(lines) < len(quoted) else (b"quoted-printable", quoted)
    head = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n\r\n'
    return head % (kind.encode(), encoding) + encoded
