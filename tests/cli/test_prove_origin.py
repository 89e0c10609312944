"""``python -m app prove-origin``: whose key signs, what is printed, and that no key is."""

import json

import pytest
from eth_account import Account
from solders.keypair import Keypair

from app.cli.prove_origin import prove_origin
from app.errors import ConfigurationError
from app.payments.ownership import proves_ownership
from tests.support.processes import NO_FILES

URL = "https://oncall.example.com"
KEY = "0x" + "11" * 32
PAYEE = Account.from_key(KEY).address
PAIR = Keypair.from_seed(bytes(range(32)))
EVM = {**NO_FILES, "ONCALL_PUBLIC_URL": URL, "ONCALL_PAY_TO": PAYEE, "PRIVATE_KEY": KEY}
WAYS = json.dumps(
    [{"network": "base", "payTo": PAYEE}, {"network": "solana", "payTo": str(PAIR.pubkey())}]
)
BOTH = {**NO_FILES, "ONCALL_PUBLIC_URL": URL, "ONCALL_ACCEPTS": WAYS}


def problem_of(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as refused:
        prove_origin(environ)
    [problem] = refused.value.problems
    return problem


def test_the_key_of_the_payee_signs() -> None:
    proof, origin = prove_origin(EVM)
    assert (proof.payee, origin) == (PAYEE, URL)
    assert proves_ownership(proof.signature, URL, PAYEE)


@pytest.mark.parametrize(("key", "payee"), [(KEY, PAYEE), (str(PAIR), str(PAIR.pubkey()))])
def test_each_of_several_payees_signs(key: str, payee: str) -> None:
    proof, _ = prove_origin({**BOTH, "PRIVATE_KEY": f" {key}\n"})
    assert proof.payee == payee
    assert proves_ownership(proof.signature, URL, payee)


def test_settings_of_the_service_that_it_does_not_need_do_not_matter() -> None:
    others = {
        "ONCALL_ENV": "production",
        "ONCALL_PAYMENTS": "facilitator",
        "ONCALL_DRAIN": "x",
    }
    assert prove_origin({**EVM, **others}) == prove_origin(EVM)


def test_the_key_of_somebody_else_is_refused() -> None:
    other = "0x" + "22" * 32
    problem = problem_of({**BOTH, "PRIVATE_KEY": other})
    assert problem == (
        f"PRIVATE_KEY is that of {Account.from_key(other).address}, "
        f"but paid is {PAYEE} or {PAIR.pubkey()}"
    )


def test_what_is_no_key_is_refused_without_being_repeated() -> None:
    problem = problem_of({**EVM, "PRIVATE_KEY": "s3cret"})
    assert problem.startswith("PRIVATE_KEY is neither 64 hexadecimal digits")
    assert "s3cret" not in problem


@pytest.mark.parametrize("name", ["PRIVATE_KEY", "ONCALL_PUBLIC_URL"])
@pytest.mark.parametrize("text", ["", None])
def test_what_is_missing_is_named(name: str, text: str | None) -> None:
    environ = {key: value for key, value in EVM.items() if key != name}
    assert problem_of(environ if text is None else {**environ, name: text}).startswith(
        f"{name} is not set"
    )
