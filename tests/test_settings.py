"""Every ``ONCALL_*`` variable: what it may be, and that all mistakes are named at once."""

from dataclasses import FrozenInstanceError, fields
from ipaddress import ip_network
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.settings import SANDBOX_NETWORK, SANDBOX_PAY_TO, Settings, store_url_in

PRODUCTION = {
    "ONCALL_ENV": "production",
    "ONCALL_FACILITATOR_URL": "https://facilitator.example",
    "ONCALL_NETWORK": "eip155:8453",
    "ONCALL_PAY_TO": "0x52908400098527886E0F7030069857D2E4169EE7",
    "ONCALL_PUBLIC_URL": "https://oncall.example",
    "ONCALL_REDIS_URL": "redis://redis:6379/0",
}


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
    ("ONCALL_FACILITATOR_HEADERS", '{"X-Key": "s"}', "facilitator_headers", {"X-Key": "s"}),
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
    ("ONCALL_PAYMENT_ID", "required", "payment_identifier_required", True),
    ("ONCALL_PAYMENT_ID", "optional", "payment_identifier_required", False),
    ("ONCALL_TRUSTED_PROXIES", "10.0.0.0/8", "trusted_proxies", (ip_network("10.0.0.0/8"),)),
    (
        "ONCALL_TRUSTED_PROXIES",
        "127.0.0.1, 2001:db8::/32,",
        "trusted_proxies",
        (ip_network("127.0.0.1/32"), ip_network("2001:db8::/32")),
    ),
    ("ONCALL_RATE_LIMIT", "600/minute", "rate_limit", "600/minute"),
    ("ONCALL_LOG_FORMAT", "text", "log_format", "text"),
    ("ONCALL_LOG_FORMAT", "  ", "log_format", "json"),
]


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    VARIABLES,
    ids=[f"{name}={text}" for name, text, *_ in VARIABLES],
)
def test_variable(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(Settings.from_env({name: text}), field) == value


def test_every_field_can_be_set() -> None:
    assert {field for _, _, field, _ in VARIABLES} | {"environment", "facilitator_url"} == {
        item.name for item in fields(Settings)
    }


NO_SECONDS = "is not a number of seconds above 0 and at most 300"
NO_PAUSE = "is not a number of seconds from 0 to 300"
NO_HEADERS = 'must be a JSON object of strings, such as {"Authorization": "Bearer …"}'
NO_ADDRESS = "is not an http(s) address"
NO_FILE = "must name a file, such as sqlite:///data/oncall.db"
NO_DATABASE = "is neither sqlite:///FILE nor postgresql://… nor none"
NO_EXTRAS = "must be an address without query, fragment or user name"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("ONCALL_ENV", "prod", "'prod' is not one of development, production"),
        ("ONCALL_ENV", "Production", "'Production' is not one of development, production"),
        ("ONCALL_PAYMENTS", "none", "'none' is not one of sandbox, facilitator, off"),
        ("ONCALL_LOG_FORMAT", "xml", "'xml' is not one of json, text"),
        ("ONCALL_PUBLIC_URL", "oncall.example", f"'oncall.example' {NO_ADDRESS}"),
        ("ONCALL_PUBLIC_URL", "ftp://oncall.example", f"'ftp://oncall.example' {NO_ADDRESS}"),
        ("ONCALL_PUBLIC_URL", "https://", f"'https://' {NO_ADDRESS}"),
        ("ONCALL_PUBLIC_URL", "https://a/b", "'https://a/b' must be scheme, host and port only"),
        ("ONCALL_PUBLIC_URL", "https://a?b=c", NO_EXTRAS),
        ("ONCALL_PUBLIC_URL", "https://a#b", NO_EXTRAS),
        ("ONCALL_PUBLIC_URL", "https://key@a", NO_EXTRAS),
        ("ONCALL_PUBLIC_URL", "https://[::1", "Invalid IPv6 URL"),
        ("ONCALL_REDIS_URL", "http://:key@redis", "is not an address such as redis://host:6379/0"),
        ("ONCALL_DATABASE_URL", "sqlite:///:memory:", NO_FILE),
        ("ONCALL_DATABASE_URL", "sqlite:///", NO_FILE),
        ("ONCALL_DATABASE_URL", "sqlite:///a.db?mode=memory", NO_FILE),
        ("ONCALL_DATABASE_URL", "sqlite:///file:a.db", NO_FILE),
        ("ONCALL_DATABASE_URL", "sqlite://data/oncall.db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "mysql://user:secret@host/db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "postgresql://user:sec ret@host/db", NO_DATABASE),
        ("ONCALL_DATABASE_URL", "off", NO_DATABASE),
        ("ONCALL_RPC_URL", "ws://node/key", "is not an http(s) address"),
        ("ONCALL_PAYMENT_ID", "yes", "'yes' is not one of optional, required"),
        ("ONCALL_FACILITATOR_URL", "https://a?key=secret", NO_EXTRAS),
        ("ONCALL_FACILITATOR_URL", "https://user:secret@a", NO_EXTRAS),
        ("ONCALL_FACILITATOR_HEADERS", "Bearer secret", NO_HEADERS),
        ("ONCALL_FACILITATOR_HEADERS", '["secret"]', NO_HEADERS),
        ("ONCALL_FACILITATOR_HEADERS", '{"X-Key": 1}', NO_HEADERS),
        ("ONCALL_FACILITATOR_TIMEOUT", "0", f"'0' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "-1", f"'-1' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "nan", f"'nan' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", "1e9", f"'1e9' {NO_SECONDS}"),
        ("ONCALL_FACILITATOR_TIMEOUT", ".", f"'.' {NO_SECONDS}"),
        ("ONCALL_SETTLE_DEADLINE", "300.5", f"'300.5' {NO_SECONDS}"),
        ("ONCALL_DRAIN", "-1", f"'-1' {NO_PAUSE}"),
        ("ONCALL_DRAIN", "301", f"'301' {NO_PAUSE}"),
        ("ONCALL_SETTLE_DEADLINE", "1 minute", f"'1 minute' {NO_SECONDS}"),
        ("ONCALL_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        (
            "ONCALL_TRUSTED_PROXIES",
            "10.0.0.1, proxy",
            "'proxy' does not appear to be an IPv4 or IPv6 network",
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


# --- the database ---------------------------------------------------------------------------


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
    assert store_url_in({**environ, "ONCALL_ENV": "production"}) == url


def test_a_command_that_needs_only_the_database_names_what_is_wrong_with_it() -> None:
    with pytest.raises(ConfigurationError, match=f"^ONCALL_DATABASE_URL: {NO_FILE}$"):
        store_url_in({"ONCALL_DATABASE_URL": "sqlite:///", "ONCALL_ENV": "nonsense"})


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
        "ONCALL_FACILITATOR_URL",
        "ONCALL_NETWORK",
        "ONCALL_PAY_TO",
        "ONCALL_PUBLIC_URL",
        "ONCALL_REDIS_URL",
    ]


@pytest.mark.parametrize("payments", ["sandbox", "off"])
def test_production_gives_nothing_away(payments: str) -> None:
    problem, *_ = problems_of({**PRODUCTION, "ONCALL_PAYMENTS": payments})
    assert problem == (
        f"ONCALL_PAYMENTS={payments} gives paid answers away: "
        "with ONCALL_ENV=production it must be facilitator"
    )


def test_a_facilitator_in_development_needs_its_variables_but_no_public_url() -> None:
    assert [text.split()[0] for text in problems_of({"ONCALL_PAYMENTS": "facilitator"})] == [
        "ONCALL_FACILITATOR_URL",
        "ONCALL_NETWORK",
        "ONCALL_PAY_TO",
    ]


# --- secrets --------------------------------------------------------------------------------


def test_secrets_do_not_show_in_repr() -> None:
    settings = Settings.from_env(
        {
            "ONCALL_FACILITATOR_HEADERS": '{"Authorization": "Bearer s3cret"}',
            "ONCALL_DATABASE_URL": "postgresql://user:s3cret@host/db",
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
    with pytest.raises(FrozenInstanceError):
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


def test_another_check_is_made_whatever_else_is_wrong() -> None:
    """A limit of a product that does not exist is named with everything else."""
    environ = {"ONCALL_LOG_FORMAT": "xml", "ONCALL_RATE_LIMIT": "x"}
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ, lambda settings: [settings.rate_limit])
    assert list(caught.value.problems) == ["ONCALL_LOG_FORMAT: 'xml' is not one of json, text", "x"]
