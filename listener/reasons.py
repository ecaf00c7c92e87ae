"""Words for an error: for readers of the log and of commands' output, and for all readers of the port."""

import os
import re
import socket
import ssl

import asyncpg

from listener.errors import ListenerError, NotInstalled, WrongSetting
from listener.texts import one_line

LONGEST_MESSAGE = 4_000
"""Characters of an error's message that are looked at."""

UNKNOWN_AUTHORITY = (18, 19, 20, 21)
"""OpenSSL's codes for a certificate that nobody known vouches for."""

OTHER_AUTHORITY = "; sslrootcert must name the authority that vouches for this server"


def told_to_anybody(error: BaseException) -> str:
    """A line in general terms, for all readers of the port: no role, host, database or file, and no message of the
    server's, which may quote a row. The log has `reason`."""
    if isinstance(error, asyncpg.exceptions.TargetServerAttributeNotMatched | socket.gaierror):
        return reason(error)
    if isinstance(error, WrongSetting):
        return f"{error.details['name']} cannot be used; the log says why"
    if isinstance(error, NotInstalled):
        return "schema `listener` is not installed: run `listener install` first"
    if isinstance(error, ListenerError):
        return reason(error)
    if isinstance(error, asyncpg.PostgresError):
        return _of_the_server(error)
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    name = type(error).__name__
    return f"the connection failed ({name}); the log says how" if str(error) else name


def _of_the_server(error: asyncpg.PostgresError) -> str:
    if "FATAL" not in (error.severity_en, error.severity):
        return f"a statement failed ({type(error).__name__}); the log says how"
    if (error.sqlstate or "").startswith("57"):
        return reason(error)  # the server starts, stops, or ends a session: the message names no role
    return f"the server refused the connection ({type(error).__name__}); the log says why"


def reason(error: BaseException) -> str:
    """A line of at most a kilobyte: the message without DETAIL and HINT, which asyncpg appends, and which may hold
    whole rows."""
    message = str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else str(error)
    text = re.sub(r"^\[Errno -?\d+\] ", "", message[:LONGEST_MESSAGE].strip()).splitlines()
    if isinstance(error, asyncpg.exceptions.TargetServerAttributeNotMatched):
        return "no host takes writes: it is a standby, or the database is set read-only"
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be looked up: {text[0]}"
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = error.verify_code in UNKNOWN_AUTHORITY
        return f"certificate verify failed: {error.verify_message}{OTHER_AUTHORITY if unknown else ''}"
    if isinstance(error, TimeoutError) and not text:
        return "no answer came in time"
    return (text and one_line(text[0])) or type(error).__name__
