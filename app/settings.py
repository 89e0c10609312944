"""The settings of an operator, read once into one frozen value.

A variable is read from the environment, from the file ``.env`` of the working directory or from a
file of its name in a secrets directory. The first place that holds it counts; an empty text holds
nothing. Every problem is named at once, so that an operator with five missing variables starts the
service once to learn of them. Secrets appear neither in ``repr`` nor in messages.
"""

import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from dotenv.parser import Binding, parse_stream
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SecretsSettingsSource

from app import DEFAULT_PORT
from app.errors import ConfigurationError
from app.similar import most_similar

SANDBOX_NETWORK = "eip155:84532"
"""Base Sepolia: official clients accept its USDC under their default spend controls."""
SANDBOX_PAY_TO = "0x000000000000000000000000000000000000dEaD"
"""The payee of the sandbox: an address that nobody has the key of."""
DEFAULT_STORE = "sqlite:///data/oncall.db"
"""Below the folder that the service is started in."""
MAX_FILE_BYTES = 64 * 1024
SECRET_ENDINGS = ("_URL", "_HEADERS", "_SECRET")
LONGEST_SHOWN = 42
"""An address of a payee; longer texts may be keys and are not repeated."""
PLACEHOLDER = "…"
"""Stands in examples for what an operator must fill in."""
NONE = "none"
"""No database, no file of settings, no secrets directory."""
PRODUCTION_DEFAULTS = {"ONCALL_PAYMENTS": "facilitator", "ONCALL_DRAIN": "5"}
"""A proxy that asks ``/readyz`` every second or two has noticed within 5 seconds."""
FACILITATORS = ("cdp", "payai", "x402.org")
"""The facilitators that have a name."""
OUR_PREFIXES = ("ONCALL_", "CDP_API_KEY_", "PAYAI_API_KEY_")
FACILITATOR_NEEDS = {
    "ONCALL_FACILITATOR": "the x402 facilitator that settles payments, such as cdp",
    "ONCALL_NETWORK": "the network to be paid on, such as eip155:8453",
    "ONCALL_PAY_TO": "the address that receives the money",
}
SHORT_FORM = ("ONCALL_NETWORK", "ONCALL_PAY_TO", "ONCALL_RPC_URL")
"""What says the same as one item of ``ONCALL_ACCEPTS``."""
PRODUCTION_NEEDS = FACILITATOR_NEEDS | {
    "ONCALL_PUBLIC_URL": "the address under which callers reach the service",
    "ONCALL_REDIS_URL": "the memory of payments that outlives a process",
}

BLANKS = r"\s\x00-\x1f\x7f-\x9f"
HOST = rf"^(?i:https?)://[^{BLANKS}:/?#@][^{BLANKS}/?#@]*"
REST = rf"[^{BLANKS}]+$"
NODE = rf"(\[[0-9A-Fa-f:.]+\]|[^{BLANKS}/?#@:,\[\]]+)(:[0-9]{{1,5}})?"
NODES = rf"([^{BLANKS}/?#]+@)?{NODE}(,{NODE})*"
REDIS = (
    rf"^$|^rediss?://{REST}|^rediss?\+cluster://{NODES}/?(\?[^{BLANKS}]*)?$"
    rf"|^rediss?\+sentinel://{NODES}/[^{BLANKS}/?#]+(/[0-9]+)?(\?[^{BLANKS}]*)?$"
)
REDIS_TEXT = (
    "an address such as redis://host:6379/0, redis+cluster://host1,host2 or "
    "redis+sentinel://host1,host2/name"
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
UNSAFE = frozenset("\r\n\0")


def _address(text: str) -> str:
    """Remove a last slash. Raises ``ValueError`` if host or port cannot be those of an address."""
    if urlsplit(text).port == 0:
        raise ValueError
    return text.rstrip("/")


def _parsed(parse: Callable[[str], object]) -> BeforeValidator:
    """Return a validator that parses texts. A value given in Python may be parsed already."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _headers(text: str) -> Mapping[str, str]:
    """Return the header fields in ``text``. Raises ``ValueError`` for what no head can hold.

    The names and values are those of RFC 9110, 5.
    """
    try:
        headers = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ValueError from error
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or UNSAFE.intersection(value):
            raise ValueError
    return headers


def _json(text: str) -> object:
    """Return the JSON value in ``text``. Raises ``ValueError``."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError from error


def _listed(text: str) -> list[str]:
    """Return the parts of ``text`` between commas and blanks."""
    return text.replace(",", " ").split()


Address = Annotated[str, AfterValidator(_address)]
Signature = Annotated[str, Field(pattern=r"^(0x[0-9a-fA-F]{130}|[1-9A-HJ-NP-Za-km-z]{64,88})$")]
"""Of an EVM network in hex, or of Solana in base58."""
Seconds = Annotated[
    float, Field(gt=0, le=300, description="a number of seconds above 0 and at most 300")
]


FacilitatorUrl = Annotated[
    Address,
    Field(
        pattern=rf"^$|{HOST}(/[^{BLANKS}?#]*)?$",
        description="an http(s) address without query, fragment or user name",
    ),
]
FacilitatorName = Annotated[
    Address,
    Field(
        pattern=rf"^({'|'.join(map(re.escape, FACILITATORS))})?$|{HOST}(/[^{BLANKS}?#]*)?$",
        description=f"{', '.join(FACILITATORS)} or an http(s) address",
    ),
]
NodeUrl = Annotated[
    str, Field(pattern=rf"^$|^(?i:https?)://{REST}", description="an http(s) address")
]


class _Settings(
    BaseModel,
    frozen=True,
    extra="forbid",
    validate_by_name=True,
    validate_by_alias=True,
    hide_input_in_errors=True,
    regex_engine="python-re",  # the other has no lookahead
):
    """What an operator sets: complete, and never repeated in an error, because it may be secret."""


class WayToPay(_Settings, frozen=True, alias_generator=to_camel):
    """One way to be paid: an item of ``ONCALL_ACCEPTS``.

    ``network`` is a CAIP-2 name or a short one, such as ``base``; ``pay_to`` receives the money.
    ``facilitator``, a name or an address, settles there; empty means the facilitator of the other
    settings. ``rpc_url`` is a node of the network.
    """

    network: str
    pay_to: str
    facilitator: FacilitatorName = Field(default="", repr=False)
    rpc_url: NodeUrl = Field(default="", repr=False)


class Settings(_Settings, frozen=True, alias_generator=lambda name: f"ONCALL_{name.upper()}"):
    """The configuration of one process. ``from_env`` is the usual constructor.

    The variable of a field is ``ONCALL_`` and the field's name in capitals, unless the field has a
    ``validation_alias``. A description completes "is not …". The other settings are looked for in
    ``env_file`` and ``secrets_dir`` too, unless these are "none". Processes share claims and rate
    limits at ``redis_url``; without it each process has its own. The limits may have a Redis of
    their own, ``limits_redis_url``. ``database_url`` is the text as set, and ``store_url`` the
    database it means. ``rate_limit`` is the text as set, which the products parse; an empty
    ``address_limit`` follows from those. ``accepts`` are the ways to pay; ``network``, ``pay_to``
    and ``rpc_url`` are the short form of one. ``quota`` is the text as set, too, which the stored
    APIs parse. ``rpc_url`` is a node of ``network``, asked only when a receipt was lost.
    ``facilitator`` is a name or an address; ``facilitator_url`` is called in place of a name's own
    address. ``facilitator_timeout_seconds`` bounds one call. A settlement with an unknown outcome
    is tried again until ``settle_deadline_seconds`` after the first call. A process that was told
    to stop accepts requests for another ``drain_seconds``. ``workspace_secret`` is what the keys of
    workspaces are made of; without it none is sold. ``contact_email`` and ``ownership_proofs``
    stand in the documents that marketplaces read.
    """

    env_file: str = ".env"
    secrets_dir: str = "/run/secrets"
    environment: Literal["development", "production"] = Field(
        default="development", validation_alias="ONCALL_ENV"
    )
    payments: Literal["sandbox", "facilitator", "off"] = "sandbox"
    public_url: Address = Field(
        default=f"http://127.0.0.1:{DEFAULT_PORT}",
        pattern=rf"{HOST}/?$",
        description="an http(s) address of scheme, host and port only",
    )
    network: str = SANDBOX_NETWORK
    pay_to: str = SANDBOX_PAY_TO
    accepts: Annotated[tuple[WayToPay, ...], _parsed(_json)] = Field(
        default=(),
        description='a JSON list such as [{"network": "base", "payTo": "0x…"}]',
    )
    facilitator: FacilitatorName = Field(default="", repr=False)
    facilitator_url: FacilitatorUrl = Field(default="", repr=False)
    cdp_api_key_id: str = Field(default="", validation_alias="CDP_API_KEY_ID")
    cdp_api_key_secret: str = Field(default="", repr=False, validation_alias="CDP_API_KEY_SECRET")
    payai_api_key_id: str = Field(default="", validation_alias="PAYAI_API_KEY_ID")
    payai_api_key_secret: str = Field(
        default="", repr=False, validation_alias="PAYAI_API_KEY_SECRET"
    )
    facilitator_headers: Annotated[Mapping[str, str], _parsed(_headers)] = Field(
        default={},
        repr=False,
        description='a JSON object of strings, such as {"Authorization": "Bearer …"}',
    )
    facilitator_timeout_seconds: Seconds = Field(
        default=20.0, validation_alias="ONCALL_FACILITATOR_TIMEOUT"
    )
    settle_deadline_seconds: Seconds = Field(
        default=45.0, validation_alias="ONCALL_SETTLE_DEADLINE"
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        le=300,
        validation_alias="ONCALL_DRAIN",
        description="a number of seconds from 0 to 300",
    )
    redis_url: str = Field(
        default="",
        repr=False,
        pattern=REDIS,
        description=REDIS_TEXT,
    )
    limits_redis_url: str = Field(
        default="",
        repr=False,
        pattern=REDIS,
        description=REDIS_TEXT,
    )
    database_url: str = Field(
        default="",
        repr=False,
        pattern=rf"^(none)?$|^postgres(ql)?://{REST}|^sqlite:///(?!:memory:|file:)[^?]+$",
        description="sqlite:///FILE, postgresql://… or none",
    )
    rpc_url: NodeUrl = Field(default="", repr=False)
    contact_email: str = Field(
        default="",
        pattern=rf"^$|^[^{BLANKS}@<>,;]+@[^{BLANKS}@<>,;]+\.[^{BLANKS}@<>,;]+$",
        description="an e-mail address",
    )
    ownership_proofs: Annotated[tuple[Signature, ...], _parsed(_listed)] = Field(
        default=(), description="what `python -m app prove-origin` prints, or several of these"
    )
    payment_id: Literal["optional", "required"] = "optional"
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        _parsed(_listed),
    ] = Field(default=(), description="a network such as 10.0.0.0/8")
    rate_limit: str = ""
    address_limit: str = Field(
        default="",
        pattern=r"^$|^[1-9][0-9]{0,5}/(second|minute|hour|day)$",
        description="a limit such as 1200/minute",
    )
    quota: str = ""
    workspace_secret: str = Field(
        default="",
        repr=False,
        pattern=r"^$|^[!-~]{32,}$",
        description="at least 32 random characters without blanks, such as 64 hexadecimal digits",
    )
    log_format: Literal["json", "text"] = "json"

    @property
    def store_url(self) -> str:
        """The address of the database; empty if nothing is stored."""
        return {"": DEFAULT_STORE, NONE: ""}.get(self.database_url, self.database_url)

    @property
    def sells_workspaces(self) -> bool:
        """Whether workspaces can be sold: they want a secret, a database, and somebody who pays."""
        return bool(self.workspace_secret and self.store_url) and self.payments != "off"

    @property
    def ways_to_pay(self) -> tuple[WayToPay, ...]:
        """The ways to be paid, as they are set."""
        return self.accepts or (
            WayToPay(network=self.network, pay_to=self.pay_to, rpc_url=self.rpc_url),
        )

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        also: "Callable[[Settings], Iterable[str]]" = lambda _: (),
        only: Collection[str] = (),
    ) -> "Settings":
        """Read settings from ``environ`` (default: the process's), ``.env`` and secret files.

        ``also`` returns problems beyond the form of the variables. ``only`` names the variables to
        read, for a command that needs no others; without it all are read. Raises
        ``ConfigurationError`` with every problem.
        """
        found = _Found({*(only or VARIABLES), "ONCALL_ENV_FILE", "ONCALL_SECRETS_DIR"})
        found.add(os.environ if environ is None else environ)
        found.add_file("ONCALL_ENV_FILE", _dotenv)
        found.add_file("ONCALL_SECRETS_DIR", _secrets)
        settings = found.settings()
        problems = [*found.problems, *_unfit(settings, found.texts), *also(settings)]
        if problems:
            raise ConfigurationError(problems)
        return settings


VARIABLES = {str(info.validation_alias): info for info in Settings.model_fields.values()}

_TEXTS: Mapping[str, Any] = dict.fromkeys(VARIABLES, (str, ""))
_Texts = create_model("_Texts", __base__=BaseSettings, **_TEXTS)
"""Gives pydantic-settings the names to look for, and keeps the texts as they are."""


def _dotenv(path: Path) -> Mapping[str, str | None]:
    """Return the texts of ``path``, as they stand there: ``${NAME}`` is not replaced.

    A directory has none: a virtual environment may have that name. Raises ``ValueError`` for lines
    of ours that are not NAME=value, by number only: they may hold a secret.
    """
    if path.is_dir() and path == Path(VARIABLES["ONCALL_ENV_FILE"].default):
        return {}
    if not path.is_file():
        raise ValueError("it is not a file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES // 1024} KiB")
    bindings = list(parse_stream(StringIO(path.read_text("utf-8-sig"))))
    strange = [
        str(_line_of(each))
        for each in bindings
        if any(prefix in each.original.string.upper() for prefix in OUR_PREFIXES)
        and (each.error or (each.key and each.value is None))
    ]
    if strange:
        raise ValueError(f"not NAME=value: line {', '.join(strange)}")
    return {each.key: each.value for each in bindings if each.key}


def _line_of(binding: Binding) -> int:
    """Return the line on which a binding begins; the parser counts the blank ones before it."""
    text = binding.original.string
    return binding.original.line + text[: -len(text.lstrip())].count("\n")


def _secrets(path: Path) -> Mapping[str, str | None]:
    """Return the texts of the files in ``path`` by their names in capitals.

    An unknown name has ``None``.
    """
    if not path.is_dir():
        raise ValueError("it is not a directory")
    with warnings.catch_warnings(action="error"):  # a warning means a secret was passed over
        held = SecretsSettingsSource(_Texts, path, case_sensitive=False)()
    return {file.name.upper(): None for file in path.iterdir()} | held


@dataclass(slots=True)
class _Found:
    """The texts of the ``wanted`` variables, the place of each, and the problems with them."""

    wanted: Collection[str]
    texts: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_file(self, variable: str, read: Callable[[Path], Mapping[str, str | None]]) -> None:
        """Add the texts in the file or folder that ``variable`` names; a default need not exist."""
        path = Path(self.texts.get(variable, VARIABLES[variable].default))
        if str(path) == NONE or not (variable in self.texts or os.path.lexists(path)):
            return
        try:
            path.stat()
            held = read(path)
            self.add(held, f"{path}: ")
            self.problems += [
                f"{path}: {name} does nothing here: set it in the environment"
                for name in dict.fromkeys(("ONCALL_ENV_FILE", variable))
                if held.get(name)
            ]
        except (OSError, ValueError, UserWarning) as error:
            cause = error.__cause__ or error
            why = "it is not UTF-8" if isinstance(cause, UnicodeError) else cause
            self.problems.append(f"{variable}: {path} cannot be read: {why}")

    def add(self, held: Mapping[str, str | None], place: str = "") -> None:
        """Add the texts of names not found before, and report names that would do nothing."""
        for name, text in held.items():
            if name in self.wanted:
                if text and text.strip() and name not in self.texts:
                    self.texts[name], self.places[name] = text.strip(), place
            elif name.upper() in self.wanted:
                self.problems.append(f"{place}{name} is not read: write {name.upper()}")
            elif name.startswith(OUR_PREFIXES) and name not in VARIABLES:
                similar = most_similar(name, self.wanted, at_least=0.9)
                if similar:
                    self.problems.append(f"{place}{name} is not a setting; did you mean {similar}?")

    def settings(self) -> Settings:
        """Return the settings, with the default in place of each wrong variable."""
        if self.texts.get("ONCALL_ENV") == "production":
            self.texts = PRODUCTION_DEFAULTS | self.texts
        try:
            return Settings.model_validate(self.texts)
        except ValidationError as error:
            wrong = {_member(item): _complaint(item) for item in error.errors()}
        self.problems += [self.places[name] + text for (name, *_), text in wrong.items()]
        names = {name for name, *_ in wrong}
        return Settings.model_validate(
            {name: text for name, text in self.texts.items() if name not in names}
        )


def _member(error: ErrorDetails) -> tuple[str, ...]:
    """Return the variable, and the member of it that is wrong if it is an item's of a list."""
    name, *place = map(str, error["loc"])
    return (name, *place) if name == "ONCALL_ACCEPTS" else (name,)


def _complaint(error: ErrorDetails) -> str:
    """Describe a wrong variable. An address or a header may hold a secret and is not repeated."""
    name, *place = _member(error)
    if place:
        return f"{'/'.join((name, *place))} {_wrong_member(place[-1], error['type'])}"
    info = VARIABLES[name]
    text = str(error["input"])
    secret = name.endswith(SECRET_ENDINGS) or "://" in text or len(text) > LONGEST_SHOWN
    given = "" if secret else f"{text!r} "
    wanted = info.description or "one of " + ", ".join(get_args(info.annotation))
    return f"{name}: {given}is not {wanted}"


def _wrong_member(name: str, kind: str) -> str:
    """Describe what is wrong with the member ``name`` of a way to pay; ``kind`` is pydantic's."""
    members = {str(info.alias): info for info in WayToPay.model_fields.values()}
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"is none of {', '.join(members)}"
    wanted = members[name].description or "a text" if name in members else "a JSON object"
    return f"is not {wanted}"


def _unfit(settings: Settings, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield the problems of variables that are missing, not filled in, or contradict each other."""
    for name, text in texts.items():
        if PLACEHOLDER in text:
            yield f'{name}: "{PLACEHOLDER}" stands for a text of yours: fill it in'
    production = settings.environment == "production"
    if production and settings.payments != "facilitator":
        yield (
            f"ONCALL_PAYMENTS={settings.payments} gives paid answers away: with "
            "ONCALL_ENV=production it must be facilitator"
        )
    if production or settings.payments == "facilitator":
        yield from _missing(settings, texts, PRODUCTION_NEEDS if production else FACILITATOR_NEEDS)
    short = [name for name in SHORT_FORM if name in texts]
    if "ONCALL_ACCEPTS" in texts and short:
        yield f"ONCALL_ACCEPTS says what {' and '.join(short)} would say: remove one of the two"
    if settings.payments == "sandbox":
        yield from _unfit_for_the_sandbox(settings)


def _missing(settings: Settings, texts: Collection[str], needs: Mapping[str, str]) -> Iterator[str]:
    """Yield a problem for each variable of ``needs`` that is not set and that no other replaces."""
    replaced: list[str] = []
    if "ONCALL_ACCEPTS" in texts:
        replaced += ["ONCALL_NETWORK", "ONCALL_PAY_TO"]
    if "ONCALL_FACILITATOR_URL" in texts or (
        settings.accepts and all(way.facilitator for way in settings.accepts)
    ):
        replaced.append("ONCALL_FACILITATOR")
    for name, why in needs.items():
        if name not in texts and name not in replaced:
            yield f"{name} is not set: {why}"


def _unfit_for_the_sandbox(settings: Settings) -> Iterator[str]:
    """Yield the problems of settings that the sandbox does not use."""
    for name in ("accepts", "facilitator", "facilitator_url"):
        if getattr(settings, name):
            yield f"ONCALL_{name.upper()}: not used by ONCALL_PAYMENTS=sandbox"
    if settings.network != SANDBOX_NETWORK:
        yield f"ONCALL_NETWORK: the sandbox is on {SANDBOX_NETWORK} only"
