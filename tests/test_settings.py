"""Every ``ONCALL_*`` variable: its valid values, and that all mistakes are named at once."""

import json
import os
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import ConfigurationError
from app.settings import SANDBOX_NETWORK, SANDBOX_PAY_TO, Settings, WayToPay
from app.settings import VARIABLES as VARIABLES_READ

HEX_PROOF = "0x" + "ab" * 65
NO_PROOF = "is not what `python -m app prove-origin` prints, or several of these"
PRODUCTION = {
    "ONCALL_ENV": "production",
    "ONCALL_FACILITATOR": "https://facilitator.example",
    "ONCALL_NETWORK": "eip155:8453",
    "ONCALL_PAY_TO": "0x52908400098527886E0F7030069857D2E4169EE7",
    "ONCALL_PUBLIC_URL": "https://oncall.example",
    "ONCALL_REDIS_URL": "redis://redis:6379/0",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no secrets where they usually are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(VARIABLES_READ["ONCALL_SECRETS_DIR"], "default", str(tmp_path / "secrets"))
    return tmp_path


def secret(folder: Path, name: str, text: str | bytes) -> None:
    """Mount a secret as Docker and Kubernetes do: a file of that name in one directory."""
    (folder / "secrets").mkdir(exist_ok=True)
    content = text.encode() if isinstance(text, str) else text
    (folder / "secrets" / name).write_bytes(content)


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ)
    return list(caught.value.problems)


def test_defaults() -> None:
    assert Settings.from_env({}) == Settings(
        environment="development",
        payments="sandbox",
        public_url="http://127.0.0.1:8402",
        network=SANDBOX_NETWORK,
        pay_to=SANDBOX_PAY_TO,
        facilitator_url="",
        facilitator_headers={},
        facilitator_timeout_seconds=20.0,
        settle_deadline_seconds=45.0,
        drain_seconds=0.0,
        trusted_proxies=(),
        rate_limit="",
        log_format="json",
    )


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCALL_LOG_FORMAT", "text")
    assert Settings.from_env().log_format == "text"


VARIABLES = [
    ("ONCALL_PAYMENTS", "off", "payments", "off"),
    ("ONCALL_PAYMENTS", " sandbox ", "payments", "sandbox"),
    ("ONCALL_PUBLIC_URL", "https://oncall.example/", "public_url", "https://oncall.example"),
    ("ONCALL_PUBLIC_URL", "http://[::1]:8402", "public_url", "http://[::1]:8402"),
    ("ONCALL_NETWORK", "eip155:84532", "network", "eip155:84532"),
    ("ONCALL_PAY_TO", "0x01", "pay_to", "0x01"),
    (
        "ONCALL_ACCEPTS",
        '[{"network": "base", "payTo": "0x01", "facilitator": "https://f.example/"}]',
        "accepts",
        (WayToPay(network="base", pay_to="0x01", facilitator="https://f.example"),),
    ),
    ("ONCALL_FACILITATOR_HEADERS", '{"X-Key": "s"}', "facilitator_headers", {"X-Key": "s"}),
    ("CDP_API_KEY_ID", "an-id", "cdp_api_key_id", "an-id"),
    ("CDP_API_KEY_SECRET", "a secret", "cdp_api_key_secret", "a secret"),
    ("PAYAI_API_KEY_ID", "an-id", "payai_api_key_id", "an-id"),
    ("PAYAI_API_KEY_SECRET", "a secret", "payai_api_key_secret", "a secret"),
    ("ONCALL_FACILITATOR_TIMEOUT", "2.5", "facilitator_timeout_seconds", 2.5),
    ("ONCALL_FACILITATOR_TIMEOUT", "300", "facilitator_timeout_seconds", 300.0),
    ("ONCALL_SETTLE_DEADLINE", "60", "settle_deadline_seconds", 60.0),
    ("ONCALL_DRAIN", "0", "drain_seconds", 0.0),
    ("ONCALL_DRAIN", "2.5", "drain_seconds", 2.5),
    (
        "ONCALL_REDIS_URL",
        "rediss://:secret@redis:6380/1",
        "redis_url",
        "rediss://:secret@redis:6380/1",
    ),
    *(
        (f"ONCALL_{name.upper()}", url, name, url)
        for name in ("redis_url", "limits_redis_url")
        for url in (
            "redis+cluster://:secret@one:6379,two,[::1]:7000",
            "rediss+cluster://one/?client_name=x",
            "redis+sentinel://user:secret@one,two:26380/oncall",
            "rediss+sentinel://one/oncall/2?sentinel_password=secret",
        )
    ),
    ("ONCALL_DATABASE_URL", "none", "database_url", "none"),
    (
        "ONCALL_DATABASE_URL",
        "sqlite:////var/lib/a b.db",
        "database_url",
        "sqlite:////var/lib/a b.db",
    ),
    ("ONCALL_DATABASE_URL", "postgresql://u:s@h/d", "database_url", "postgresql://u:s@h/d"),
    (
        "ONCALL_DATABASE_URL",
        "postgres://h/d?sslmode=require",
        "database_url",
        "postgres://h/d?sslmode=require",
    ),
    ("ONCALL_RPC_URL", "https://node.example/v3/key", "rpc_url", "https://node.example/v3/key"),
    ("ONCALL_CONTACT_EMAIL", "ops@example.com", "contact_email", "ops@example.com"),
    ("ONCALL_OWNERSHIP_PROOFS", HEX_PROOF, "ownership_proofs", (HEX_PROOF,)),
    (
        "ONCALL_OWNERSHIP_PROOFS",
        f"{HEX_PROOF}, {'5' * 88},",
        "ownership_proofs",
        (HEX_PROOF, "5" * 88),
    ),
    ("ONCALL_PAYMENT_ID", "required", "payment_id", "required"),
    ("ONCALL_PAYMENT_ID", "optional", "payment_id", "optional"),
    ("ONCALL_TRUSTED_PROXIES", "10.0.0.0/8", "trusted_proxies", (ip_network("10.0.0.0/8"),)),
    (
        "ONCALL_TRUSTED_PROXIES",
        "127.0.0.1, 2001:db8::/32,",
        "trusted_proxies",
        (ip_network("127.0.0.1/32"), ip_network("2001:db8::/32")),
    ),
    ("ONCALL_RATE_LIMIT", "600/minute", "rate_limit", "600/minute"),
    ("ONCALL_ADDRESS_LIMIT", "40/second", "address_limit", "40/second"),
    ("ONCALL_QUOTA", "schedules=5,bytes=1MiB", "quota", "schedules=5,bytes=1MiB"),
    ("ONCALL_WORKSPACE_SECRET", "s" * 32, "workspace_secret", "s" * 32),
    ("ONCALL_LOG_FORMAT", "text", "log_format", "text"),
    ("ONCALL_LOG_FORMAT", "  ", "log_format", "json"),
]


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    VARIABLES,
    ids=[f"{name}={text}" for name, text, *_ in VARIABLES],
)
def test_variable(name: str, text: str, field: str, value: Any) -> None:
    environ = {name: text}
    if name == "ONCALL_ACCEPTS":
        environ["ONCALL_PAYMENTS"] = "off"  # the sandbox has its own
    assert getattr(Settings.from_env(environ), field) == value


def test_every_field_can_be_set() -> None:
    elsewhere = {"environment", "facilitator", "facilitator_url", "env_file", "secrets_dir"}
    assert {field for _, _, field, _ in VARIABLES} | elsewhere == Settings.model_fields.keys()


NO_SECONDS = "is not a number of seconds above 0 and at most 300"
NO_PAUSE = "is not a number of seconds from 0 to 300"
NO_HEADERS = 'is not a JSON object of strings, such as {"Authorization": "Bearer …"}'
NO_ORIGIN = "is not an http(s) address of scheme, host and port only"
NO_FACILITATOR = "is not an http(s) address without query, fragment or user name"
NO_REDIS = (
    "is not an address such as redis://host:6379/0, redis+cluster://host1,host2 or "
    "redis+sentinel://host1,host2/name"
)
NO_DATABASE = "is not sqlite:///FILE, postgresql://… or none"
NO_NETWORK = "is not a network such as 10.0.0.0/8"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("ONCALL_ENV", "prod", "'prod' is not one of development, production"),
        ("ONCALL_ENV", "Production", "'Production' is not one of development, production"),
        ("ONCALL_PAYMENTS", "none", "'none' is not one of sandbox, facilitator, off"),
        ("ONCALL_LOG_FORMAT", "xml", "'xml' is not one of json, text"),
        ("ONCALL_PUBLIC_URL", "oncall.example", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "ftp://oncall.example", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://a/b", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://a?b=c", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://a#b", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://key@a", NO_ORIGIN),
        ("ONCALL_PUBLIC_URL", "https://[::1", NO_ORIGIN),
        ("ONCALL_REDIS_URL", "http://:key@redis", NO_REDIS),
        ("ONCALL_REDIS_URL", "redis+sentinel://one,two", NO_REDIS),
        ("ONCALL_REDIS_URL", "redis+sentinel://one/oncall/x", NO_REDIS),
        ("ONCALL_REDIS_URL", "redis+cluster://one/0", NO_REDIS),
        ("ONCALL_REDIS_URL", "redis+cluster://one,,two", NO_REDIS),
        ("ONCALL_LIMITS_REDIS_URL", "redis+other://one", NO_REDIS),
        ("ONCALL_DATABASE_URL", "sqlite:///:memory:", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "sqlite:///", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "sqlite:///a.db?mode=memory", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "sqlite:///file:a.db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "sqlite://data/oncall.db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "mysql://user:secret@host/db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "postgresql://user:sec ret@host/db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "off", NO_DATABASE),
        ("ONCALL_RPC_URL", "ws://node/key", "is not an http(s) address"),
        ("ONCALL_PAYMENT_ID", "yes", "'yes' is not one of optional, required"),
        ("ONCALL_FACILITATOR_URL", "https://a?key=secret", NO_FACILITATOR),
        ("ONCALL_FACILITATOR_URL", "https://user:secret@a", NO_FACILITATOR),
        ("ONCALL_FACILITATOR_HEADERS", "Bearer secret", NO_HEADERS),
        ("ONCALL_FACILITATOR_HEADERS", '["secret"]', NO_HEADERS),
        ("ONCALL_FACILITATOR_HEADERS", '{"X-Key": 1}', NO_HEADERS),
        ("ONCALL_FACILITATOR_TIMEOUT", "0", f"'0' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "-1", f"'-1' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "nan", f"'nan' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "1e9", f"'1e9' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", ".", f"'.' {NO_SECONDS}"),
        ("ONCALL_SETTLE_DEADLINE", "300.5", f"'300.5' {NO_SECONDS}"),
        ("ONCALL_CONTACT_EMAIL", "ops", "'ops' is not an e-mail address"),
        ("ONCALL_CONTACT_EMAIL", "ops@localhost", "'ops@localhost' is not an e-mail address"),
        ("ONCALL_CONTACT_EMAIL", "a@b.c, d@e.f", "'a@b.c, d@e.f' is not an e-mail address"),
        ("ONCALL_OWNERSHIP_PROOFS", "0x12", f"'0x12' {NO_PROOF}"),
        ("ONCALL_OWNERSHIP_PROOFS", "0x" + "11" * 32, NO_PROOF),
        ("ONCALL_DRAIN", "-1", f"'-1' {NO_PAUSE}"),
        ("ONCALL_DRAIN", "301", f"'301' {NO_PAUSE}"),
        ("ONCALL_SETTLE_DEADLINE", "1 minute", f"'1 minute' {NO_SECONDS}"),
        ("ONCALL_TRUSTED_PROXIES", "10.0.0.1/8", f"'10.0.0.1/8' {NO_NETWORK}"),
        (
            "ONCALL_TRUSTED_PROXIES",
            "10.0.0.1, proxy",
            f"'proxy' {NO_NETWORK}",
        ),
    ],
    ids=lambda cell: cell if len(cell) < 40 else "",
)
def test_mistake(name: str, text: str, why: str) -> None:
    assert problems_of({name: text}) == [f"{name}: {why}"]


def test_all_mistakes_are_named_at_once() -> None:
    problems = problems_of(
        {
            "ONCALL_ENV": "x",
            "ONCALL_PAYMENTS": "x",
            "ONCALL_PUBLIC_URL": "x",
            "ONCALL_FACILITATOR_URL": "x",
            "ONCALL_FACILITATOR_HEADERS": "x",
            "ONCALL_FACILITATOR_TIMEOUT": "x",
            "ONCALL_SETTLE_DEADLINE": "x",
            "ONCALL_TRUSTED_PROXIES": "x",
            "ONCALL_LOG_FORMAT": "x",
        }
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "ONCALL_ENV",
        "ONCALL_PAYMENTS",
        "ONCALL_PUBLIC_URL",
        "ONCALL_FACILITATOR_URL",
        "ONCALL_FACILITATOR_HEADERS",
        "ONCALL_FACILITATOR_TIMEOUT",
        "ONCALL_SETTLE_DEADLINE",
        "ONCALL_TRUSTED_PROXIES",
        "ONCALL_LOG_FORMAT",
    ]


# --- several ways to pay --------------------------------------------------------------------


def test_every_mistake_in_the_ways_to_pay_is_named() -> None:
    ways = [
        {"network": "base"},
        {"network": 7, "payTo": "0x01", "payto": "0x02"},
        {"network": "base", "payTo": "0x01", "facilitator": "https://u:s3cret@f", "rpcUrl": "x"},
        "base",
    ]
    assert problems_of({"ONCALL_PAYMENTS": "off", "ONCALL_ACCEPTS": json.dumps(ways)}) == [
        "ONCALL_ACCEPTS/0/payTo is missing",
        "ONCALL_ACCEPTS/1/network is not a text",
        "ONCALL_ACCEPTS/1/payto is none of network, payTo, facilitator, rpcUrl",
        "ONCALL_ACCEPTS/2/facilitator is not cdp, payai, x402.org or an http(s) address",
        "ONCALL_ACCEPTS/2/rpcUrl is not an http(s) address",
        "ONCALL_ACCEPTS/3 is not a JSON object",
    ]


@pytest.mark.parametrize("text", ["base", "{}", "7"])
def test_ways_to_pay_are_a_list(text: str) -> None:
    [problem] = problems_of({"ONCALL_PAYMENTS": "off", "ONCALL_ACCEPTS": text})
    assert problem.endswith('is not a JSON list such as [{"network": "base", "payTo": "0x…"}]')


def test_the_short_form_is_one_way_to_pay() -> None:
    settings = Settings.from_env({**PRODUCTION, "ONCALL_RPC_URL": "https://node.example"})
    [way] = settings.ways_to_pay
    assert way == WayToPay(
        network="eip155:8453",
        pay_to=PRODUCTION["ONCALL_PAY_TO"],
        rpc_url="https://node.example",
    )


def accepting(*ways: dict[str, str], without: Sequence[str] = ()) -> dict[str, str]:
    """The variables of a service in production that is paid in ``ways``."""
    left_out = {"ONCALL_NETWORK", "ONCALL_PAY_TO", *without}
    kept = {name: text for name, text in PRODUCTION.items() if name not in left_out}
    return {**kept, "ONCALL_ACCEPTS": json.dumps(ways)}


BASE = {"network": "base", "payTo": "0x01"}
POLYGON = {"network": "polygon", "payTo": "0x02", "facilitator": "https://other.example"}


def test_each_way_to_pay_has_a_facilitator() -> None:
    both, nobody = (
        Settings.from_env(accepting(BASE, POLYGON)),
        ["ONCALL_FACILITATOR", "ONCALL_FACILITATOR_URL"],
    )
    assert [way.facilitator for way in both.ways_to_pay] == ["", "https://other.example"]
    assert Settings.from_env(accepting(POLYGON, without=nobody)).facilitator_url == ""
    [problem] = problems_of(accepting(BASE, POLYGON, without=nobody))
    assert problem.startswith("ONCALL_FACILITATOR is not set: ")


def test_ways_to_pay_and_the_short_form_exclude_each_other() -> None:
    both = {**PRODUCTION, "ONCALL_ACCEPTS": json.dumps([BASE])}
    assert problems_of(both) == [
        "ONCALL_ACCEPTS says what ONCALL_NETWORK and ONCALL_PAY_TO would say: remove one of the two"
    ]
    assert problems_of({**accepting(BASE), "ONCALL_RPC_URL": "https://node.example"}) == [
        "ONCALL_ACCEPTS says what ONCALL_RPC_URL would say: remove one of the two"
    ]


def test_the_sandbox_has_its_own_way_to_pay() -> None:
    assert problems_of({"ONCALL_ACCEPTS": json.dumps([BASE])}) == [
        "ONCALL_ACCEPTS: not used by ONCALL_PAYMENTS=sandbox"
    ]


# --- the database ---------------------------------------------------------------------------


def only_the_database(environ: dict[str, str]) -> Settings:
    return Settings.from_env(environ, only=["ONCALL_DATABASE_URL"])


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        pytest.param({}, "sqlite:///data/oncall.db", id="unset"),
        pytest.param({"ONCALL_DATABASE_URL": " "}, "sqlite:///data/oncall.db", id="blank"),
        pytest.param({"ONCALL_DATABASE_URL": "none"}, "", id="none"),
        pytest.param({"ONCALL_DATABASE_URL": "postgresql://h/d"}, "postgresql://h/d", id="set"),
    ],
)
def test_where_things_are_stored(environ: dict[str, str], url: str) -> None:
    assert Settings.from_env(environ).store_url == url
    assert (
        Settings.from_env(
            {**environ, "ONCALL_ENV": "production"}, only=["ONCALL_DATABASE_URL"]
        ).store_url
        == url
    )


def test_a_command_that_needs_only_the_database_names_what_is_wrong_with_it() -> None:
    with pytest.raises(ConfigurationError, match=f"^ONCALL_DATABASE_URL: {NO_DATABASE}$"):
        only_the_database({"ONCALL_DATABASE_URL": "sqlite:///", "ONCALL_ENV": "nonsense"})


# --- production -----------------------------------------------------------------------------


def test_production() -> None:
    settings = Settings.from_env(PRODUCTION)
    assert (settings.environment, settings.payments) == ("production", "facilitator")
    assert settings.public_url == "https://oncall.example"
    assert settings.drain_seconds > 0


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "ONCALL_ENV"])
@pytest.mark.parametrize("value", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_production_names_what_is_missing(missing: str, value: str | None) -> None:
    environ = {name: text for name, text in PRODUCTION.items() if name != missing}
    [problem] = problems_of(environ if value is None else {**environ, missing: value})
    assert problem.startswith(f"{missing} is not set: ")


def test_production_names_everything_that_is_missing_at_once() -> None:
    assert [text.split()[0] for text in problems_of({"ONCALL_ENV": "production"})] == [
        "ONCALL_FACILITATOR",
        "ONCALL_NETWORK",
        "ONCALL_PAY_TO",
        "ONCALL_PUBLIC_URL",
        "ONCALL_REDIS_URL",
    ]


@pytest.mark.parametrize("name", ["cdp", "payai", "x402.org", "https://f.example/x402"])
def test_a_facilitator_is_named_or_addressed(name: str) -> None:
    settings = Settings.from_env({**PRODUCTION, "ONCALL_FACILITATOR": name})
    assert (settings.facilitator, settings.facilitator_url) == (name, "")


def test_the_address_alone_names_a_facilitator() -> None:
    address = {"ONCALL_FACILITATOR": "", "ONCALL_FACILITATOR_URL": "https://f.example"}
    assert Settings.from_env({**PRODUCTION, **address}).facilitator_url == "https://f.example"


@pytest.mark.parametrize("payments", ["sandbox", "off"])
def test_production_gives_nothing_away(payments: str) -> None:
    problem, *_ = problems_of({**PRODUCTION, "ONCALL_PAYMENTS": payments})
    assert problem == (
        f"ONCALL_PAYMENTS={payments} gives paid answers away: "
        "with ONCALL_ENV=production it must be facilitator"
    )


def test_a_facilitator_in_development_needs_its_variables_but_no_public_url() -> None:
    assert [text.split()[0] for text in problems_of({"ONCALL_PAYMENTS": "facilitator"})] == [
        "ONCALL_FACILITATOR",
        "ONCALL_NETWORK",
        "ONCALL_PAY_TO",
    ]


# --- secrets --------------------------------------------------------------------------------


def test_secrets_do_not_show_in_repr() -> None:
    settings = Settings.from_env(
        {
            "ONCALL_FACILITATOR_HEADERS": '{"Authorization": "Bearer s3cret"}',
            "ONCALL_DATABASE_URL": "postgresql://user:s3cret@host/db",
            "CDP_API_KEY_SECRET": "s3cret",
            "PAYAI_API_KEY_SECRET": "s3cret",
        }
    )
    assert settings.facilitator_headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ONCALL_FACILITATOR_HEADERS", "Authorization: Bearer s3cret"),
        ("ONCALL_FACILITATOR_HEADERS", '{"Authorization": ["s3cret"]}'),
        ("ONCALL_FACILITATOR", "https://key:s3cret@facilitator.example"),
        ("ONCALL_FACILITATOR_URL", "https://key:s3cret@facilitator.example"),
        ("ONCALL_FACILITATOR_URL", "https://:s3cret@facilitator.example"),
        ("ONCALL_FACILITATOR_URL", "https://facilitator.example?key=s3cret"),
        ("ONCALL_DATABASE_URL", "postgresql+psycopg://user:s3cret@host/db"),
    ],
)
def test_secrets_do_not_show_in_problems(name: str, text: str) -> None:
    [problem] = problems_of({name: text})
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://a?", id="empty-query"),
        pytest.param("https://a#", id="empty-fragment"),
        pytest.param("https://@a", id="empty-user"),
        pytest.param("https://:secret@a", id="password-without-user"),
        pytest.param("https://a:port", id="port-in-words"),
        pytest.param("https://a:99999", id="port-too-large"),
        pytest.param("https://a:0", id="port-0"),
        pytest.param("https://a b", id="space"),
        pytest.param("https://a\tb", id="tab"),
        pytest.param("https://a\x7fb", id="control-character"),
    ],
)
@pytest.mark.parametrize("name", ["ONCALL_PUBLIC_URL", "ONCALL_FACILITATOR_URL"])
def test_addresses_that_would_fail_later(name: str, url: str) -> None:
    [problem] = problems_of({name: url})
    assert problem.startswith(f"{name}: ")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().pay_to = "0x02"  # type: ignore[misc] # that it cannot be is what is tested


# --- what would silently do nothing ---------------------------------------------------------


def test_the_facilitators_address_loses_its_last_slash() -> None:
    url = {"ONCALL_FACILITATOR_URL": "https://f.example/x402/"}
    assert Settings.from_env({**PRODUCTION, **url}).facilitator_url == "https://f.example/x402"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        pytest.param(
            {"ONCALL_FACILITATOR_URL": "https://f.example"},
            "ONCALL_FACILITATOR_URL: not used by ONCALL_PAYMENTS=sandbox",
            id="a facilitator for the sandbox",
        ),
        pytest.param(
            {"ONCALL_FACILITATOR": "cdp"},
            "ONCALL_FACILITATOR: not used by ONCALL_PAYMENTS=sandbox",
            id="a named facilitator for the sandbox",
        ),
        pytest.param(
            {"ONCALL_FACILITATOR": "coinbase"},
            "ONCALL_FACILITATOR: 'coinbase' is not cdp, payai, x402.org or an http(s) address",
            id="an unknown name",
        ),
        pytest.param(
            {"CDP_API_KEY_SECRETS": "s"},
            "CDP_API_KEY_SECRETS is not a setting; did you mean CDP_API_KEY_SECRET?",
            id="a misspelt name of a vendor's",
        ),
        pytest.param(
            {"ONCALL_NETWORK": "eip155:8453"},
            "ONCALL_NETWORK: the sandbox is on eip155:84532 only",
            id="real money for the sandbox",
        ),
        pytest.param(
            {"ONCALL_PAYTO": "0x1"},
            "ONCALL_PAYTO is not a setting; did you mean ONCALL_PAY_TO?",
            id="a misspelt name",
        ),
    ],
)
def test_it_is_complained_of(environ: dict[str, str], problem: str) -> None:
    assert list(problems_of(environ)) == [problem]


@pytest.mark.parametrize("name", ["ONCALL_SERVICE_HOST", "ONCALL_PORT_8402_TCP", "PATH"])
def test_names_that_others_set_are_left_alone(name: str) -> None:
    assert Settings.from_env({name: "x"}) == Settings()


def test_what_another_check_finds_is_named_with_the_rest() -> None:
    environ = {**PRODUCTION, "ONCALL_PUBLIC_URL": "x"}
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ, lambda settings: [f"{settings.network} is odd"])
    assert [text.split()[0] for text in caught.value.problems] == [
        "ONCALL_PUBLIC_URL:",
        "eip155:8453",
    ]


# --- files ----------------------------------------------------------------------------------


def test_a_file_of_settings_in_the_working_directory(folder: Path) -> None:
    (folder / ".env").write_text(
        "# what is paid\nONCALL_PAYMENTS=off\nexport ONCALL_DRAIN='3'\nONCALL_LOG_FORMAT=\n"
        'ONCALL_FACILITATOR_HEADERS={"X-Key": "s"}\n'
    )
    settings = Settings.from_env({})
    assert (settings.payments, settings.drain_seconds, settings.log_format) == ("off", 3, "json")
    assert settings.facilitator_headers == {"X-Key": "s"}


def test_what_others_keep_in_their_file_does_no_harm(folder: Path) -> None:
    (folder / ".env").write_text("DATABASE_URL=x\nPAYMENTS=x\nREDIS_URL\n= x\n")
    assert Settings.from_env({}) == Settings()


def test_a_virtual_environment_of_that_name_does_no_harm(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert Settings.from_env({}) == Settings()


@pytest.mark.parametrize("name", ["oncall_redis_url", "ONCALL_REDIS_URL"])
def test_secrets_are_files(folder: Path, name: str) -> None:
    secret(folder, name, "redis://:s3cret@redis\n")
    secret(folder, "oncall_facilitator_headers", '{"X-Key": "s"}')
    settings = Settings.from_env({})
    assert settings.redis_url == "redis://:s3cret@redis"
    assert settings.facilitator_headers == {"X-Key": "s"}


def test_secrets_as_kubernetes_mounts_them(folder: Path) -> None:
    """Each is a link into a folder that is swapped as a whole."""
    version = folder / "secrets" / "..2026_06_04"
    version.mkdir(parents=True)
    (version / "ONCALL_RPC_URL").write_text("https://node/key")
    (folder / "secrets" / "..data").symlink_to(version.name)
    (folder / "secrets" / "ONCALL_RPC_URL").symlink_to("..data/ONCALL_RPC_URL")
    (folder / "secrets" / "kubernetes.io").mkdir()
    assert Settings.from_env({}).rpc_url == "https://node/key"


@pytest.mark.parametrize(
    ("environ", "file", "secret_text", "read"),
    [
        pytest.param("text", "json", "json", "text", id="the environment before both files"),
        pytest.param(" ", "text", "json", "text", id="a file where the environment is empty"),
        pytest.param(None, "text", "json", "text", id="a file before a secret"),
        pytest.param(None, " ", "text", "text", id="a secret where the file is empty"),
        pytest.param(None, "", " ", "json", id="the default where all are empty"),
    ],
)
def test_which_place_counts(
    folder: Path, environ: str | None, file: str, secret_text: str, read: str
) -> None:
    (folder / ".env").write_text(f"ONCALL_LOG_FORMAT={file}")
    secret(folder, "oncall_log_format", secret_text)
    given = {} if environ is None else {"ONCALL_LOG_FORMAT": environ}
    assert Settings.from_env(given).log_format == read


def test_both_places_can_be_named(folder: Path) -> None:
    (folder / "service.env").write_text(f"ONCALL_LOG_FORMAT=text\nONCALL_SECRETS_DIR={folder}/safe")
    (folder / "safe").mkdir()
    (folder / "safe" / "oncall_pay_to").write_text("0x01")
    settings = Settings.from_env({"ONCALL_ENV_FILE": "service.env"})
    assert (settings.log_format, settings.pay_to) == ("text", "0x01")


def test_both_places_can_be_left_out(folder: Path) -> None:
    (folder / ".env").write_text("ONCALL_PAYMENTS=x")
    secret(folder, "oncall_log_format", "x")
    none = {"ONCALL_ENV_FILE": "none", "ONCALL_SECRETS_DIR": "none"}
    assert Settings.from_env(none).payments == "sandbox"


def test_settings_made_in_python_read_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("ONCALL_PAYMENTS=off")
    secret(folder, "oncall_pay_to", "0x01")
    monkeypatch.setenv("ONCALL_LOG_FORMAT", "text")
    made = Settings()
    assert (made.payments, made.pay_to, made.log_format) == ("sandbox", SANDBOX_PAY_TO, "json")


@pytest.mark.parametrize("name", ["ONCALL_ENV_FILE", "ONCALL_SECRETS_DIR"])
def test_a_place_that_is_named_must_be_there(folder: Path, name: str) -> None:
    [problem] = problems_of({name: str(folder / "nowhere")})
    assert problem.startswith(f"{name}: {folder}/nowhere cannot be read: ")
    assert "No such file" in problem


def test_what_cannot_be_read_is_named_with_the_rest(folder: Path) -> None:
    (folder / ".env").write_bytes(b"ONCALL_PAY_TO=s3cr\xe9t")
    secret(folder, "oncall_redis_url", b"s3cr\xe9t")
    assert problems_of({"ONCALL_PAYMENTS": "x"}) == [
        "ONCALL_ENV_FILE: .env cannot be read: it is not UTF-8",
        f"ONCALL_SECRETS_DIR: {folder}/secrets cannot be read: it is not UTF-8",
        "ONCALL_PAYMENTS: 'x' is not one of sandbox, facilitator, off",
    ]


def test_a_folder_in_place_of_a_secret_is_not_passed_over(folder: Path) -> None:
    """Docker makes one where the file to be mounted is missing."""
    (folder / "secrets" / "oncall_redis_url").mkdir(parents=True)
    [problem] = problems_of({})
    assert "oncall_redis_url" in problem
    assert "found a directory instead" in problem


def test_a_misspelt_name_is_told_wherever_it_stands(folder: Path) -> None:
    (folder / ".env").write_text("ONCALL_PAYMENT=off\nNETWROK=x")
    secret(folder, "oncall_redis_ulr", "redis://:s3cret@redis")
    secret(folder, "oncall_tls_key", "of another program")
    secret(folder, "redis_ulr", "of another program")
    assert problems_of({"ONCALL_NETWROK": "eip155:8453"}) == [
        "ONCALL_NETWROK is not a setting; did you mean ONCALL_NETWORK?",
        ".env: ONCALL_PAYMENT is not a setting; did you mean ONCALL_PAYMENTS?",
        f"{folder}/secrets: ONCALL_REDIS_ULR is not a setting; did you mean ONCALL_REDIS_URL?",
    ]


def test_all_mistakes_of_all_places_are_named_at_once(folder: Path) -> None:
    (folder / ".env").write_text("ONCALL_DRAIN=301\nONCALL_PAY_TO=0x01")
    secret(folder, "oncall_redis_url", "http://:s3cret@redis")
    assert problems_of({"ONCALL_ENV": "production", "ONCALL_PUBLIC_URL": "https://:s3cret@a"}) == [
        f"ONCALL_PUBLIC_URL: {NO_ORIGIN}",
        ".env: ONCALL_DRAIN: '301' is not a number of seconds from 0 to 300",
        f"{folder}/secrets: ONCALL_REDIS_URL: {NO_REDIS}",
        "ONCALL_FACILITATOR is not set: the x402 facilitator that settles payments, such as cdp",
        "ONCALL_NETWORK is not set: the network to be paid on, such as eip155:8453",
    ]


def test_secrets_of_files_do_not_show(folder: Path) -> None:
    (folder / ".env").write_text("ONCALL_RPC_URL=https://node/s3cret")
    secret(folder, "oncall_redis_url", "redis://:s3cret@redis")
    settings = Settings.from_env({})
    assert (settings.rpc_url, settings.redis_url) == (
        "https://node/s3cret",
        "redis://:s3cret@redis",
    )
    assert "s3cret" not in repr(settings)


def test_secrets_of_a_caller_in_python_do_not_show() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(redis_url="http://:s3cret@redis")
    assert "s3cret" not in str(caught.value)


def test_a_command_that_needs_one_variable_reads_it_from_files_too(folder: Path) -> None:
    secret(folder, "oncall_database_url", "postgresql://h/d")
    (folder / ".env").write_text("ONCALL_PAYMENTS=nonsense")
    assert only_the_database({"ONCALL_ENV": "nonsense"}).store_url == "postgresql://h/d"
    with pytest.raises(ConfigurationError, match="did you mean ONCALL_DATABASE_URL"):
        only_the_database({"ONCALL_DATABSE_URL": "none"})


def test_another_check_is_made_whatever_else_is_wrong() -> None:
    """A limit of a product that does not exist is named with everything else."""
    environ = {"ONCALL_LOG_FORMAT": "xml", "ONCALL_RATE_LIMIT": "x"}
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ, lambda settings: [settings.rate_limit])
    assert list(caught.value.problems) == [
        "ONCALL_LOG_FORMAT: 'xml' is not one of json, text",
        "x",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ONCALL_ENV production", "not NAME=value: line 1"),
        ("ONCALL_ENV: production", "not NAME=value: line 1"),
        ("A=b\n\nONCALL_ENV\nONCALL_DRAIN=1\nexport ONCALL_PAYMENTS", "not NAME=value: line 3, 5"),
        ('ONCALL_RPC_URL="http://s3cret\n', "not NAME=value: line 1"),
        ("#" * 65_537, "it is larger than 64 KiB"),
    ],
    ids=["blank", "colon", "no-value", "open-quote", "large"],
)
def test_a_line_that_would_be_passed_over_is_a_problem(
    folder: Path, text: str, problem: str
) -> None:
    """A service that misses ``ONCALL_ENV=production`` would give its answers away."""
    (folder / ".env").write_text(text)
    assert problems_of({}) == [f"ONCALL_ENV_FILE: .env cannot be read: {problem}"]


def test_a_name_in_small_letters_is_a_problem(folder: Path) -> None:
    (folder / ".env").write_text("oncall_env=production")
    assert problems_of({"oncall_drain": "1"}) == [
        "oncall_drain is not read: write ONCALL_DRAIN",
        ".env: oncall_env is not read: write ONCALL_ENV",
    ]


def test_a_text_is_taken_as_it_stands(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xef\xbb\xbfexport ONCALL_REDIS_URL='redis://:p${HOME}w@h/0'\n")
    assert Settings.from_env({}).redis_url == "redis://:p${HOME}w@h/0"


@pytest.mark.parametrize("kind", ["directory", "pipe", "dangling link"])
def test_a_named_file_must_be_one(folder: Path, kind: str) -> None:
    path = folder / "named"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    [problem] = problems_of({"ONCALL_ENV_FILE": str(path)})
    assert problem.startswith(f"ONCALL_ENV_FILE: {path} cannot be read: ")


def test_a_secrets_directory_must_be_one(folder: Path) -> None:
    (folder / "named").write_text("")
    assert problems_of({"ONCALL_SECRETS_DIR": "named"}) == [
        "ONCALL_SECRETS_DIR: named cannot be read: it is not a directory"
    ]


def test_where_settings_are_is_not_said_by_what_is_found_there(folder: Path) -> None:
    (folder / ".env").write_text("ONCALL_ENV_FILE=other.env")
    secret(folder, "oncall_secrets_dir", "elsewhere")
    assert problems_of({}) == [
        ".env: ONCALL_ENV_FILE does nothing here: set it in the environment",
        f"{folder / 'secrets'}: ONCALL_SECRETS_DIR does nothing here: set it in the environment",
    ]


@pytest.mark.parametrize(
    "headers", ["[" * 100_000, '{"A\\r\\nB": "x"}', '{"A": "x\\r\\ny"}', '{"": "x"}']
)
def test_headers_that_none_can_send(headers: str) -> None:
    [problem] = problems_of({"ONCALL_FACILITATOR_HEADERS": headers})
    assert problem.startswith("ONCALL_FACILITATOR_HEADERS: is not a JSON object of strings")


def test_what_may_be_a_key_is_not_repeated() -> None:
    environ = {"ONCALL_PAYMENTS": "redis://:hunter2@h/0", "ONCALL_LOG_FORMAT": "s3cret" * 8}
    problems = " ".join(problems_of(environ))
    assert "hunter2" not in problems
    assert "s3cret" not in problems
    assert "s3cret" not in repr(Settings(facilitator_url="https://node/s3cret"))


def test_what_is_commented_out_does_no_harm(folder: Path) -> None:
    (folder / ".env").write_text(
        "# ONCALL_ENV production\n#ONCALL_DRAIN\nONCALL_DRAIN=1 # ONCALL_\n"
    )
    assert Settings.from_env({}).drain_seconds == 1


@pytest.mark.parametrize("name", ["ONCALL_FACILITATOR_HEADERS", "ONCALL_REDIS_URL"])
def test_a_placeholder_of_an_example_is_not_taken_for_a_secret(name: str) -> None:
    text = {"ONCALL_REDIS_URL": "redis://:…@redis:6379/0"}.get(
        name, '{"Authorization": "Bearer …"}'
    )
    with pytest.raises(ConfigurationError) as failure:
        Settings.from_env({**PRODUCTION, name: text})
    assert failure.value.problems == (f'{name}: "…" stands for a text of yours: fill it in',)
