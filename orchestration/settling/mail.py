"""Handing mails to a mail server (SMTP).

What is here: the server's address and its certificate, one connection for many mails, and what its refusals mean.
When to add here: another way to reach or to log in to a mail server.
What does not belong here: what a mail says and who gets it (``sending``).

A mail that the server refuses is refused for good. If the connection breaks after the mail was handed over and before
the server's answer, nobody knows, and that is told apart (``MailLostError``).
"""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from orchestration.errors import MailError, MailLostError

__all__ = ["MailServer", "Outbox"]

Security = Literal["none", "starttls", "tls"]

_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over.

    Attributes:
        host: its name.
        port: its port.
        security: tls from the start, starttls (and nothing before it), or none.
        user: name to log in with; empty: no login.
        password: for that.
        authority: certificate file of the authority that vouches for the server; None: those that the system knows.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None

    @classmethod
    def of_url(cls, url: str | None) -> "MailServer":
        """Return the server that ``CHARGEHOUSE_SMTP_URL`` names.

        Raises:
            MailError: there is none, it is no address of a mail server, or it would send a password in the clear. The
                address is never shown: it may hold a password.
        """
        if not url:
            raise MailError(
                "No mail server is set. Set CHARGEHOUSE_SMTP_URL, for example to smtp+starttls://user:password@host:587."
            )
        wrong = MailError(
            "CHARGEHOUSE_SMTP_URL is no address of a mail server. Expected smtp+starttls://user:password@host:587, "
            "smtps://user:password@host:465 or smtp://localhost:25; percent-encode what is special in the password."
        )
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise wrong from None
        query = parse_qs(parts.query)
        if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or query.keys() - {"ca"}:
            raise wrong
        security, usual_port = _SCHEMES[parts.scheme]
        authority = Path(query["ca"][0]) if "ca" in query else None
        if authority is not None and not authority.is_file():
            raise MailError(f"CHARGEHOUSE_SMTP_URL names the certificate {authority}, which is not there.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user and security == "none" and parts.hostname not in _THIS_MACHINE:
            raise MailError(
                "CHARGEHOUSE_SMTP_URL would send the password in the clear. Use smtp+starttls:// or smtps://."
            )
        return cls(parts.hostname, port or usual_port, security, user, password, authority)

    @property
    def name(self) -> str:
        """The server for messages, without user and password."""
        return f"{self.host}:{self.port}"

    def connect(self) -> smtplib.SMTP:
        """Return a connection that is ready to take mails.

        Raises:
            MailError: the server is not there, does not prove who it is, or refuses the login.
        """
        context = ssl.create_default_context(cafile=self.authority)
        connection: smtplib.SMTP | None = None
        try:
            if self.security == "tls":
                connection = smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE_SECONDS, context=context)
            else:
                connection = smtplib.SMTP(self.host, self.port, timeout=_PATIENCE_SECONDS)
            if self.security == "starttls":
                connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
            if self.user:
                connection.login(self.user, self.password)
        except (OSError, smtplib.SMTPException) as error:
            if connection is not None:
                connection.close()
            raise MailError(f"The mail server {self.name} {_why_no_connection(error)}") from None
        return connection


class Outbox:
    """A connection to a mail server, made when it is first needed and again when it broke; use it in a ``with``."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None
        self._unreachable: MailError | None = None

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            try:
                self._connection.quit()
            except (OSError, smtplib.SMTPException):
                self._connection.close()

    def deliver(self, sender: str, recipient: str, message: EmailMessage) -> None:
        """Hand one mail over.

        Args:
            sender: address that refusals go back to.
            recipient: address.
            message: the mail.

        Raises:
            MailLostError: it was handed over, and the connection broke before the answer.
            MailError: it was not handed over, and nobody gets it.
        """
        for address in (sender, recipient):
            if not address.isascii():
                raise MailError(f"The address {address} has characters that mail servers do not take")
        connection = self._ready()
        try:
            self._expect(connection.mail(sender), "the sender", sender)
            self._expect(connection.rcpt(recipient), "the recipient", recipient)
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise MailError(f"The mail server {self._server.name} broke the connection: {error}") from None
        try:
            code, answer = connection.data(message.as_bytes())
        except smtplib.SMTPDataError as error:
            self._drop()
            raise MailError(f"The mail server refused the mail: {_answer(error.smtp_code, error.smtp_error)}") from None
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._drop()
            raise MailLostError(f"the connection to {self._server.name} broke after the mail: {error}") from None
        if code != 250:
            self._drop()
            raise MailError(f"The mail server refused the mail: {_answer(code, answer)}")

    def _ready(self) -> smtplib.SMTP:
        # A server that is not there is asked once, not once for each of a thousand mails.
        if self._unreachable is not None:
            raise self._unreachable
        if self._connection is not None:
            try:
                if self._connection.rset()[0] == 250:
                    return self._connection
            except (OSError, smtplib.SMTPException):
                pass
            self._drop()
        try:
            self._connection = self._server.connect()
        except MailError as error:
            self._unreachable = error
            raise
        return self._connection

    def _expect(self, reply: tuple[int, bytes], what: str, address: str) -> None:
        if reply[0] not in (250, 251):
            raise MailError(f"The mail server refused {what} {address}: {_answer(*reply)}")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _answer(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"


def _why_no_connection(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"refused user or password: {_answer(error.smtp_code, error.smtp_error)}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"does not do what CHARGEHOUSE_SMTP_URL asks for: {str(error).rstrip('.')}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"refused: {_answer(error.smtp_code, error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"does not prove who it is: {error.verify_message}"
    return f"cannot be reached: {error}"
