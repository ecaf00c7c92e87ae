"""The parameters of a database URL: the driver's, parameters for libpq or for other drivers that mean nothing here, and
all the rest, which are a mistake."""

from urllib.parse import parse_qsl, urlencode, urlsplit

THE_DRIVERS = frozenset(
    {
        "host", "port", "dbname", "database", "user", "password", "passfile", "service", "options",
        "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib",
    }
)  # fmt: skip
OURS = frozenset({"connect_timeout", "ssl"})
"""Understood here: the driver would take `OURS` for settings of the server's."""

PASSED_OVER = frozenset(
    {
        # libpq's: the daemon has its own name, keepalives and encoding, and tries host after host
        "application_name", "fallback_application_name", "client_encoding", "load_balance_hosts", "tcp_user_timeout",
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "sslcompression", "sslcertmode", "sslsni", "sslkeylogfile", "min_protocol_version", "max_protocol_version",
        "gssencmode", "gssdelegation", "channel_binding",
        # Prisma's
        "pgbouncer", "schema", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size",
        "max_connection_lifetime", "max_idle_connection_lifetime", "single_use_connections", "sslaccept", "sslidentity",
        # Django's and SQLAlchemy's
        "conn_max_age", "conn_health_checks", "disable_server_side_cursors", "atomic_requests",
        "prepared_statement_cache_size", "async_fallback",
        # Node's, the JDBC driver's, and hosting services'
        "uselibpqcompat", "pool_mode", "workaround", "supa", "prepareThreshold", "reWriteBatchedInserts",
        "tcpKeepAlive", "ApplicationName", "currentSchema", "endpoint",
    }
)  # fmt: skip

SSL = {"true": "require", "1": "require", "yes": "require", "on": "require", "false": "disable", "0": "disable"}
"""Other drivers' `ssl`, as a mode of libpq's; a mode is a value, too."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NEGOTIATIONS = ("postgres", "direct")

Parameters = list[tuple[str, str]]


def parameters(url: str) -> Parameters:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def problem(url: str) -> str | None:
    """A mistake in the parameters; None if there is none. Shows only harmless values."""
    given = dict(parameters(url))
    known = THE_DRIVERS | OURS | PASSED_OVER
    unknown = sorted(set(given) - known)
    if unknown:
        return (
            f"this program knows no parameter {unknown[0]}: take it out (a setting of the server's is written "
            f"options=-c%20{unknown[0]}%3Dvalue)"
        )
    if given.get("gssencmode") == "require":
        return "gssencmode=require cannot be had from this program, which knows TLS: sslmode=verify-full"
    if "ssl" in given and _mode(given["ssl"]) not in SSL_MODES:
        return f"ssl is true, false, or one of {', '.join(SSL_MODES)}"
    if given.get("sslnegotiation", NEGOTIATIONS[0]) not in NEGOTIATIONS:
        return f"sslnegotiation is one of {', '.join(NEGOTIATIONS)}"
    timeout = given.get("connect_timeout", "")
    if timeout and not timeout.lstrip("-").isdecimal():
        return "connect_timeout is a whole number of seconds"
    return None


def passed_over(url: str | None) -> list[str]:
    """Parameters that change nothing here."""
    return sorted({name for name, _ in parameters(url or "") if name in PASSED_OVER})


def connect_timeout(url: str | None) -> float | None:
    """Seconds to connect to an address; None: not given, or no limit."""
    given = dict(parameters(url or "")).get("connect_timeout", "")
    return float(given) if given.isdecimal() and int(given) > 0 else None


def for_the_driver(url: str | None) -> str | None:
    """The URL with the driver's parameters, `ssl` among them as a mode."""
    if not url:
        return url
    given = parameters(url)
    kept = [(name, value) for name, value in given if name in THE_DRIVERS]
    if len(kept) == len(given):
        return url
    if "ssl" in dict(given) and "sslmode" not in dict(given):
        kept.append(("sslmode", _mode(dict(given)["ssl"])))
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if kept else ''}{urlencode(kept)}"


def _mode(ssl: str) -> str:
    return SSL.get(ssl.lower(), ssl.replace("_", "-"))
