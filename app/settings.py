"""Read what an operator decides, once, into one frozen value.

A variable stands in the environment, in the file ``.env`` of the working directory or, as a file
of its name, in a secrets directory: the first that holds it counts, and an empty one holds nothing.
Every problem is named at once: nobody should have to start the service five times to learn of five
missing variables. Secrets stand neither in ``repr`` nor in messages.
"""

import json
import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SecretsSettingsSource

from app import DEFAULT_PORT
from app.errors import ConfigurationError

SANDBOX_NETWORK = "eip155:84532"
"""Base Sepolia: official clients accept its USDC under their default spend controls."""
SANDBOX_PAY_TO = "0x000000000000000000000000000000000000dEaD"
"""Where sandbox money goes: nowhere."""
DEFAULT_STORE = "sqlite:///data/oncall.db"
"""Below the folder that the service is started in."""
NONE = "none"
"""No database, no file of settings, no secrets directory."""
PRODUCTION_DEFAULTS = {"ONCALL_PAYMENTS": "facilitator", "ONCALL_DRAIN": "5"}
"""A proxy that asks ``/readyz`` every second or two has noticed within 5 seconds."""
FACILITATOR_NEEDS = {
    "ONCALL_FACILITATOR_URL": "the x402 facilitator that settles payments",
    "ONCALL_NETWORK": "the network to be paid on, such as eip155:8453",
    "ONCALL_PAY_TO": "the address that receives the money",
}
PRODUCTION_NEEDS = FACILITATOR_NEEDS | {
    "ONCALL_PUBLIC_URL": "the address under which callers reach the service",
    "ONCALL_REDIS_URL": "the memory of payments that outlives a process",
}

BLANKS = r"\s\x00-\x1f\x7f-\x9f"
HOST = rf"^(?i:https?)://[^{BLANKS}:/?#@][^{BLANKS}/?#@]*"
REST = rf"[^{BLANKS}]+$"


def _address(text: str) -> str:
    """Remove a last slash. Raises ``ValueError`` if host or port cannot be those of an address."""
    if urlsplit(text).port == 0:
        raise ValueError
    return text.rstrip("/")


def _parsed(parse: Callable[[str], object]) -> BeforeValidator:
    """Parse a value that is text; one that a caller gives in Python may be parsed already."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


Address = Annotated[str, AfterValidator(_address)]
Seconds = Annotated[
    float, Field(gt=0, le=300, description="a number of seconds above 0 and at most 300")
]


class Settings(
    BaseModel,
    frozen=True,
    extra="forbid",
    validate_by_name=True,
    validate_by_alias=True,
    hide_input_in_errors=True,
    regex_engine="python-re",  # the other has no lookahead
    alias_generator=lambda name: f"ONCALL_{name.upper()}",
):
    """The configuration of one process. ``from_env`` is the usual constructor.

    The variable of a field is ``ONCALL_`` and its name in capitals, unless the field says another.
    A description completes "is not …". ``env_file`` and ``secrets_dir`` are where the rest is
    looked for, "none" where it is not. ``redis_url`` is where claims and rate limits are
    shared; without it they are this process's. ``database_url`` is as it was set; ``store_url`` is
    what is meant by it. ``rate_limit`` is as it was set; the products know what it means.
    ``rpc_url`` is a node of ``network``, asked only when a receipt was lost.
    ``facilitator_timeout_seconds`` bounds one call; a settlement whose outcome is unknown is asked
    again until ``settle_deadline_seconds`` after the first call. ``drain_seconds`` is how long a
    process that was told to stop goes on accepting requests.
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
    facilitator_url: Address = Field(
        default="",
        pattern=rf"^$|{HOST}(/[^{BLANKS}?#]*)?$",
        description="an http(s) address without query, fragment or user name",
    )
    facilitator_headers: Annotated[Mapping[str, str], _parsed(json.loads)] = Field(
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
        pattern=rf"^$|^rediss?://{REST}",
        description="an address such as redis://host:6379/0",
    )
    database_url: str = Field(
        default="",
        repr=False,
        pattern=rf"^(none)?$|^postgres(ql)?://{REST}|^sqlite:///(?!:memory:|file:)[^?]+$",
        description="sqlite:///FILE, postgresql://… or none",
    )
    rpc_url: str = Field(
        default="",
        repr=False,
        pattern=rf"^$|^(?i:https?)://{REST}",
        description="an http(s) address",
    )
    payment_id: Literal["optional", "required"] = "optional"
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        _parsed(lambda text: text.replace(",", " ").split()),
    ] = Field(default=(), description="a network such as 10.0.0.0/8")
    rate_limit: str = ""
    log_format: Literal["json", "text"] = "json"

    @property
    def store_url(self) -> str:
        """The database of what is stored; empty where nothing is to be."""
        return {"": DEFAULT_STORE, NONE: ""}.get(self.database_url, self.database_url)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        also: "Callable[[Settings], Iterable[str]]" = lambda _: (),
        only: Collection[str] = (),
    ) -> "Settings":
        """Settings from ``environ`` (default: the process's), ``.env`` and the secrets directory.

        ``also`` finds what is wrong beyond the form of the variables. ``only`` names the variables
        to read, for a command that needs no other; all are read without it. Raises
        ``ConfigurationError`` with everything that is wrong.
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
"""Tells pydantic-settings which names to look for, and to leave the texts as they are."""


def _dotenv(path: Path) -> Mapping[str, str | None]:
    return DotEnvSettingsSource(_Texts, path, case_sensitive=True).env_vars


def _secrets(path: Path) -> Mapping[str, str | None]:
    """What the files in ``path`` hold, by their names in capitals; nothing under unknown names."""
    with warnings.catch_warnings(action="error"):  # of a secret that would be passed over
        held = SecretsSettingsSource(_Texts, path, case_sensitive=False)()
    return {file.name.upper(): None for file in path.iterdir()} | held


@dataclass(slots=True)
class _Found:
    """The texts of the ``wanted`` variables, where each is from, and what is wrong with them."""

    wanted: Collection[str]
    texts: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_file(self, variable: str, read: Callable[[Path], Mapping[str, str | None]]) -> None:
        """Add what the file or folder of ``variable`` holds; its default need not exist."""
        path = Path(self.texts.get(variable, VARIABLES[variable].default))
        if str(path) == NONE or not (variable in self.texts or path.exists()):
            return
        try:
            path.stat()
            self.add(read(path), f"{path}: ")
        except (OSError, ValueError, UserWarning) as error:
            cause = error.__cause__ or error
            why = "it is not UTF-8" if isinstance(cause, UnicodeError) else cause
            self.problems.append(f"{variable}: {path} cannot be read: {why}")

    def add(self, held: Mapping[str, str | None], place: str = "") -> None:
        """Add what is not yet found; complain of names that would silently do nothing."""
        for name, text in held.items():
            if name in self.wanted:
                if text and text.strip() and name not in self.texts:
                    self.texts[name], self.places[name] = text.strip(), place
            elif name.startswith("ONCALL_") and name not in VARIABLES:
                self.problems += [
                    f"{place}{name} is not a setting; did you mean {similar}?"
                    for similar in get_close_matches(name, self.wanted, n=1, cutoff=0.9)
                ]

    def settings(self) -> Settings:
        """The settings, with the default of each variable that is wrong."""
        if self.texts.get("ONCALL_ENV") == "production":
            self.texts = PRODUCTION_DEFAULTS | self.texts
        try:
            return Settings.model_validate(self.texts)
        except ValidationError as error:
            wrong = {str(item["loc"][0]): _complaint(item) for item in error.errors()}
        self.problems += [self.places[name] + complaint for name, complaint in wrong.items()]
        return Settings.model_validate(
            {name: text for name, text in self.texts.items() if name not in wrong}
        )


def _complaint(error: ErrorDetails) -> str:
    """What a variable is not. An address or a header may hold a secret and is not repeated."""
    name = str(error["loc"][0])
    info = VARIABLES[name]
    given = "" if name.endswith(("_URL", "_HEADERS")) else f"{error['input']!r} "
    wanted = info.description or "one of " + ", ".join(get_args(info.annotation))
    return f"{name}: {given}is not {wanted}"


def _unfit(settings: Settings, texts: Collection[str]) -> Iterator[str]:
    """Complain of what is missing, and of what does not go together."""
    production = settings.environment == "production"
    if production and settings.payments != "facilitator":
        yield (
            f"ONCALL_PAYMENTS={settings.payments} gives paid answers away: with "
            "ONCALL_ENV=production it must be facilitator"
        )
    if production or settings.payments == "facilitator":
        needs = PRODUCTION_NEEDS if production else FACILITATOR_NEEDS
        yield from (f"{name} is not set: {why}" for name, why in needs.items() if name not in texts)
    if settings.payments == "sandbox" and settings.facilitator_url:
        yield "ONCALL_FACILITATOR_URL: not used by ONCALL_PAYMENTS=sandbox"
    if settings.payments == "sandbox" and settings.network != SANDBOX_NETWORK:
        yield f"ONCALL_NETWORK: the sandbox is on {SANDBOX_NETWORK} only"
