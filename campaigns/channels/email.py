"""E-mail over SMTP, with the point of no return where the body begins.

MAIL, RCPT and DATA are said in `open`, up to the server's 354; the caller then commits that the message is being
transmitted; only then does `send` give the body. Before that point a lost line costs nothing, after it the fate is
known (250, 4xx, 5xx) or named unknown.
"""

import contextlib
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from campaigns.channels.base import Channel, LineBroken, Refused, TryLater
from campaigns.messages import Finished

TIMEOUT_S = 20
# "No such mailbox" in its several spellings; other refusals are about the message or the sender.
HARD_BOUNCES = (550, 551, 553)
# An address longer than a line must stay one word: folded, it would be encoded, and no mailbox could read it.
UNFOLDED = SMTP.clone(max_line_length=998)
_LOST = (smtplib.SMTPServerDisconnected, OSError, EOFError)


class Email(Channel):
    def __init__(self) -> None:
        self._line: smtplib.SMTP | None = None

    def open(self, message: Finished) -> None:
        line = self._connected()
        try:
            sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
            self._say(*line.mail(sender))
            self._say(*line.rcpt(message.address), at_recipient=True)
            code, answer = line.docmd("DATA")
            if code != 354:
                self._say(code, answer)
        except _LOST as error:
            self.drop()
            raise TryLater(f"the line was lost: {type(error).__name__}") from error

    def _transmit(self, message: Finished) -> None:
        line = self._line
        if line is None:
            raise TryLater("no message was opened")
        try:
            line.send(_body(message) + b".\r\n")
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

    def _say(self, code: int, answer: bytes, *, at_recipient: bool = False) -> None:
        """Raise what the server's answer means, unless it is a yes."""
        if 200 <= code < 300:
            return
        words = f"{code} {answer.decode('utf-8', 'replace')}"[:250]
        if code == 421:
            self.drop()
            raise TryLater(words)
        line = self._line
        if line is not None:
            try:
                line.rset()
            except _LOST:
                self.drop()
        if 400 <= code < 500:
            raise TryLater(words)
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
        except (smtplib.SMTPException, OSError) as error:
            raise TryLater(f"no line to {host}:{port}: {error}"[:250]) from error
        self._line = line
        return line


def _body(message: Finished) -> bytes:
    """The message as it goes over the line: CRLF, dots doubled, ended by CRLF. A line break in a header is refused."""
    mail = EmailMessage(policy=SMTP)
    try:
        name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
        mail["From"] = Address(name, addr_spec=address)
        mail["To"] = Address(addr_spec=message.address)
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = message.message_id
        for header, value in message.headers.items():
            mail[header] = value
    except (ValueError, IndexError) as error:
        raise Refused(f"a header cannot be written: {error}"[:250]) from error
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    # A line that begins with a dot would end the message (RFC 5321, 4.5.2).
    data = mail.as_bytes(policy=UNFOLDED).replace(b"\r\n.", b"\r\n..")
    return data if data.endswith(b"\r\n") else data + b"\r\n"
