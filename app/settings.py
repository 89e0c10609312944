"""What an operator decides, read once from ``ONCALL_*`` variables into one frozen value.

Every problem is collected and named at once: nobody should have to start the service five times to
learn of five missing variables. Secrets do not show in ``repr``.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from app.errors import ConfigurationError

T = TypeVar("T")
Environment = Literal["development", "production"]
ENVIRONMENTS: tuple[Environment, ...] = ("development", "production")
Payments = Literal["sandbox", "facilitator", "off"]
PAYMENTS: tuple[Payments, ...] = ("sandbox", "facilitator", "off")
IDS = ("optional", "required")
LogFormat = Literal["json", "text"]
LOG_FORMATS: tuple[LogFormat, ...] = ("json", "text")
Proxy = IPv4Network | IPv6Network

DEFAULT_PORT = 8402

SANDBOX_NETWORK = "eip155:84532"
"""Base Sepolia: official clients accept its USDC under their default spend controls."""

SANDBOX_PAY_TO = "0x000000000000000000000000000000000000dEaD"
"""Where sandbox money goes: nowhere."""


DEFAULT_STORE = "sqlite:///data/oncall.db"
"""Below the folder that the service is started in."""

NO_STORE = "none"

DRAIN_SECONDS: Mapping[Environment, float] = {"development": 0.0, "production": 5.0}
"""A proxy that asks ``/readyz`` every second or two has noticed by then."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one process. ``from_env`` is the usual constructor.

    ``redis_url`` is where claims and rate limits are shared; without it they are this process's.
    ``database_url`` is as it was set; ``store_url`` is what is meant by it.
    ``rate_limit`` is as it was set; the products know what it means.
    ``rpc_url`` is a node of ``network``, asked only when a receipt was lost.
    ``facilitator_timeout_seconds`` bounds one call; a settlement whose outcome is unknown is asked
    again until ``settle_deadline_seconds`` after the first call. ``drain_seconds`` is how long a
    process that was told to stop goes on accepting requests.
    """

    environment: Environment = "development"
    payments: Payments = "sandbox"
    public_url: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    network: str = SANDBOX_NETWORK
    pay_to: str = SANDBOX_PAY_TO
    facilitator_url: str = ""
    facilitator_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    facilitator_timeout_seconds: float = 20.0
    settle_deadline_seconds: float = 45.0
    drain_seconds: float = 0.0
    redis_url: str = field(default="", repr=False)
    database_url: str = field(default="", repr=False)
    rpc_url: str = field(default="", repr=False)
    payment_identifier_required: bool = False
    trusted_proxies: tuple[Proxy, ...] = ()
    rate_limit: str = ""
    log_format: LogFormat = "json"

    @property
    def store_url(self) -> str:
        """The database of what is stored; empty where nothing is to be."""
        return {"": DEFAULT_STORE, NO_STORE: ""}.get(self.database_url, self.database_url)

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, also: "Check" = lambda _: ()
    ) -> "Settings":
        """Settings from ``environ`` (default: the process's).

        ``also`` finds what is wrong beyond the form of the variables. Raises
        ``ConfigurationError`` with everything that is wrong.
        """
        return _Reader(os.environ if environ is None else environ).settings(also)


Check = Callable[[Settings], Iterable[str]]


def store_url_in(environ: Mapping[str, str]) -> str:
    """``Settings.store_url``, for commands that need no other setting.

    Raises ``ConfigurationError``.
    """
    reader = _Reader(environ)
    url = reader.read("ONCALL_DATABASE_URL", _database_url, "")
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return Settings(database_url=url).store_url


@dataclass(slots=True)
class _Reader:
    """Reads variables by name and remembers everything that is wrong with them."""

    environ: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def settings(self, also: Check) -> Settings:
        environment: Environment = self.read("ONCALL_ENV", _one_of(ENVIRONMENTS), "development")
        production = environment == "production"
        usual: Payments = "facilitator" if production else "sandbox"
        payments: Payments = self.read("ONCALL_PAYMENTS", _one_of(PAYMENTS), usual)
        if production and payments != "facilitator":
            self.problems.append(
                f"ONCALL_PAYMENTS={payments} gives paid answers away: with "
                "ONCALL_ENV=production it must be facilitator"
            )
        if payments == "facilitator" or production:
            self.require("ONCALL_FACILITATOR_URL", "the x402 facilitator that settles payments")
            self.require("ONCALL_NETWORK", "the network to be paid on, such as eip155:8453")
            self.require("ONCALL_PAY_TO", "the address that receives the money")
        if production:
            self.require("ONCALL_PUBLIC_URL", "the address under which callers reach the service")
            self.require("ONCALL_REDIS_URL", "the memory of payments that outlives a process")
        settings = Settings(
            environment=environment,
            payments=payments,
            public_url=self.read("ONCALL_PUBLIC_URL", _origin, _default("public_url")),
            network=self.read("ONCALL_NETWORK", str, SANDBOX_NETWORK),
            pay_to=self.read("ONCALL_PAY_TO", str, SANDBOX_PAY_TO),
            facilitator_url=self.read("ONCALL_FACILITATOR_URL", _url, ""),
            facilitator_headers=self.read("ONCALL_FACILITATOR_HEADERS", _headers, {}),
            facilitator_timeout_seconds=self.read(
                "ONCALL_FACILITATOR_TIMEOUT", _seconds, _default("facilitator_timeout_seconds")
            ),
            settle_deadline_seconds=self.read(
                "ONCALL_SETTLE_DEADLINE", _seconds, _default("settle_deadline_seconds")
            ),
            drain_seconds=self.read("ONCALL_DRAIN", _pause, DRAIN_SECONDS[environment]),
            redis_url=self.read("ONCALL_REDIS_URL", _redis_url, ""),
            database_url=self.read("ONCALL_DATABASE_URL", _database_url, ""),
            rpc_url=self.read("ONCALL_RPC_URL", _node_url, ""),
            payment_identifier_required=self.read("ONCALL_PAYMENT_ID", _one_of(IDS), "optional")
            == "required",
            trusted_proxies=self.read("ONCALL_TRUSTED_PROXIES", _proxies, ()),
            rate_limit=self.read("ONCALL_RATE_LIMIT", str, ""),
            log_format=self.read("ONCALL_LOG_FORMAT", _one_of(LOG_FORMATS), "json"),
        )
        self.check_use(settings)
        self.problems += also(settings)
        if self.problems:
            raise ConfigurationError(self.problems)
        return settings

    def check_use(self, settings: Settings) -> None:
        """Complain of variables that would silently do nothing."""
        for name in self.environ.keys() - self.known:
            similar = get_close_matches(name, self.known, n=1, cutoff=0.9)
            if name.startswith("ONCALL_") and similar:
                self.problems.append(f"{name} is not a setting; did you mean {similar[0]}?")
        if settings.payments == "sandbox":
            if settings.facilitator_url:
                self.problems.append("ONCALL_FACILITATOR_URL: not used by ONCALL_PAYMENTS=sandbox")
            if settings.network != SANDBOX_NETWORK:
                self.problems.append(f"ONCALL_NETWORK: the sandbox is on {SANDBOX_NETWORK} only")

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        self.known.add(name)
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return default

    def require(self, name: str, meaning: str) -> None:
        if not self.environ.get(name, "").strip():
            self.problems.append(f"{name} is not set: {meaning}")


def _default(name: str) -> Any:
    return next(item.default for item in fields(Settings) if item.name == name)


def _one_of(choices: tuple[T, ...]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        for choice in choices:
            if choice == text:
                return choice
        raise ValueError(f"{text!r} is not one of {', '.join(map(str, choices))}")

    return parse


def _url(text: str) -> str:
    parts = urlsplit(text)
    if "?" in text or "#" in text or "@" in parts.netloc:  # may hold a secret: not repeated
        raise ValueError("must be an address without query, fragment or user name")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _is_one_word(text):
        raise ValueError(f"{text!r} is not an http(s) address")
    if parts.port == 0:  # a port that is no number raises here, too
        raise ValueError("port 0 cannot be reached")
    return text.rstrip("/")


def _node_url(text: str) -> str:
    """A node's address, which may carry a key and is therefore not repeated."""
    if urlsplit(text).scheme not in ("http", "https") or not _is_one_word(text):
        raise ValueError("is not an http(s) address")
    return text


def _redis_url(text: str) -> str:
    """A Redis address, which may carry a password and is therefore not repeated."""
    if not text.startswith(("redis://", "rediss://")) or not _is_one_word(text):
        raise ValueError("is not an address such as redis://host:6379/0")
    return text


def _database_url(text: str) -> str:
    """A database's address, which may carry a password and is therefore not repeated."""
    file = text.removeprefix("sqlite:///")
    if file != text:
        if not file or "?" in file or file.startswith((":memory:", "file:")):
            raise ValueError("must name a file, such as sqlite:///data/oncall.db")
    elif text != NO_STORE and not (
        text.startswith(("postgresql://", "postgres://")) and _is_one_word(text)
    ):
        raise ValueError(f"is neither sqlite:///FILE nor postgresql://… nor {NO_STORE}")
    return text


def _is_one_word(text: str) -> bool:
    return text.isprintable() and text.split() == [text]


def _origin(text: str) -> str:
    url = _url(text)
    if urlsplit(url).path:
        raise ValueError(f"{text!r} must be scheme, host and port only")
    return url


def _headers(text: str) -> Mapping[str, str]:
    try:
        headers = json.loads(text)
    except ValueError:
        headers = None
    if not isinstance(headers, dict) or not _all_text(headers.values()):
        raise ValueError('must be a JSON object of strings, such as {"Authorization": "Bearer …"}')
    return headers


def _all_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _seconds(text: str) -> float:
    seconds = _number(text)
    if not 0 < seconds <= 300:
        raise ValueError(f"{text!r} is not a number of seconds above 0 and at most 300")
    return seconds


def _pause(text: str) -> float:
    seconds = _number(text)
    if not 0 <= seconds <= 300:
        raise ValueError(f"{text!r} is not a number of seconds from 0 to 300")
    return seconds


def _number(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdigit() else math.nan


def _proxies(text: str) -> tuple[Proxy, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
