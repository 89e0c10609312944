"""Tokens for facilitators: what they say, by which key, and that no secret shows."""

import base64

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.payments.facilitators.credentials import (
    ApiKey,
    CdpCredentials,
    NoCredentials,
    PayAiCredentials,
    cdp_key,
    payai_key,
)
from tests.conftest import Clock
from tests.support.vendors import KEY_ID, CdpKeys, PayAiKeys

ADDRESS = "https://api.cdp.coinbase.com/platform/v2/x402"
CDP = CdpKeys()
PAYAI = PayAiKeys()


def token_in(fields: object) -> str:
    assert isinstance(fields, dict)
    [(name, value)] = fields.items()
    scheme, _, token = value.partition(" ")
    assert (name, scheme) == ("Authorization", "Bearer")
    return token


@pytest.mark.parametrize(
    ("secret", "algorithm"),
    [
        pytest.param(CDP.ed25519, "EdDSA", id="Ed25519 in base64"),
        pytest.param(CDP.ecdsa, "ES256", id="P-256 in PEM"),
        pytest.param(CDP.ecdsa.replace("\n", "\\n"), "ES256", id="PEM in one line"),
        pytest.param(f"  {CDP.ecdsa}", "ES256", id="PEM with blanks"),
    ],
)
def test_a_token_of_cdp(secret: str, algorithm: str, clock: Clock) -> None:
    credentials = CdpCredentials(ApiKey(KEY_ID, secret), ADDRESS, clock)
    token = token_in(credentials.fields("POST", "/settle"))
    now = int(clock())
    claims = jwt.decode(
        token, CDP.public[algorithm], [algorithm], options={"verify_exp": False}, leeway=1e12
    )
    assert claims == {
        "sub": KEY_ID,
        "iss": "cdp",
        "nbf": now,
        "exp": now + 120,
        "uris": ["POST api.cdp.coinbase.com/platform/v2/x402/settle"],
    }
    header = jwt.get_unverified_header(token)
    nonce = header.pop("nonce")
    assert header == {"alg": algorithm, "typ": "JWT", "kid": KEY_ID}
    assert len(nonce) == 32


def test_a_token_of_cdp_is_for_one_call(clock: Clock) -> None:
    credentials = CdpCredentials(ApiKey(KEY_ID, CDP.ed25519), ADDRESS, clock)
    calls = [("POST", "/settle"), ("POST", "/settle"), ("POST", "/verify"), ("GET", "/supported")]
    tokens = [token_in(credentials.fields(*call)) for call in calls]
    assert len(set(tokens)) == 4
    said = [jwt.decode(each, options={"verify_signature": False})["uris"] for each in tokens]
    host = "api.cdp.coinbase.com/platform/v2/x402"
    assert said == [[f"{method} {host}{path}"] for method, path in calls]


def test_a_token_of_payai_is_used_until_shortly_before_its_end(clock: Clock) -> None:
    credentials = PayAiCredentials(ApiKey(KEY_ID, PAYAI.secret), clock)
    token = token_in(credentials.fields("GET", "/supported"))
    now = int(clock())
    claims = jwt.decode(
        token, PAYAI.public["EdDSA"], ["EdDSA"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims.pop("jti")
    assert claims == {"sub": KEY_ID, "iss": "payai-merchant", "iat": now, "exp": now + 120}
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": KEY_ID}
    clock.advance(89)
    assert token_in(credentials.fields("POST", "/settle")) == token
    clock.advance(1)
    renewed = token_in(credentials.fields("POST", "/settle"))
    assert renewed != token
    clock.advance(-20)  # a clock that was set back would use it for too long
    assert token_in(credentials.fields("POST", "/settle")) != renewed


def test_a_secret_of_payai_may_lack_its_prefix() -> None:
    assert payai_key(PAYAI.secret.removeprefix("payai_sk_")).algorithm == "EdDSA"


def pem(key: object, encryption: object = None) -> str:
    form = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()  # type: ignore[attr-defined, no-any-return]


OTHER_CURVE = pem(generate_private_key(SECP384R1()))
RSA = pem(generate_rsa(65537, 2048))
PUBLIC = CDP.public["ES256"].public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
LOCKED = pem(generate_private_key(SECP384R1()), BestAvailableEncryption(b"s3cret"))
BROKEN = "-----BEGIN EC PRIVATE KEY-----\ns3cret\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("s3cret", id="no base64"),
        pytest.param("", id="nothing"),
        pytest.param(base64.b64encode(b"s3cret" * 5).decode(), id="too short"),
        pytest.param(base64.b64encode(b"s" * 65).decode(), id="too long"),
        pytest.param(base64.b64encode(b"s" * 64).decode(), id="halves that do not belong together"),
        pytest.param(OTHER_CURVE, id="another curve"),
        pytest.param(RSA, id="RSA"),
        pytest.param(PUBLIC, id="a public key"),
        pytest.param(LOCKED, id="a key with a password"),
        pytest.param(BROKEN, id="broken PEM"),
    ],
)
def test_what_is_no_key_of_cdp(secret: str) -> None:
    with pytest.raises(ValueError, match="neither 64 bytes in base64") as failure:
        cdp_key(secret)
    assert "s3cret" not in repr(failure.value)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("payai_sk_s3cret", id="no base64"),
        pytest.param("payai_sk_", id="nothing"),
        pytest.param(CDP.ed25519, id="a key of CDP"),
        pytest.param("".join(OTHER_CURVE.splitlines()[1:-1]), id="another algorithm"),
    ],
)
def test_what_is_no_key_of_payai(secret: str) -> None:
    with pytest.raises(ValueError, match=r"not an Ed25519 key in PKCS #8") as failure:
        payai_key(secret)
    assert "s3cret" not in repr(failure.value)


def test_secrets_do_not_show(clock: Clock) -> None:
    key = ApiKey(KEY_ID, CDP.ed25519)
    credentials = CdpCredentials(key, ADDRESS, clock)
    shown = [key, cdp_key(CDP.ed25519), credentials, vars(credentials), vars(key.__class__)]
    assert not any(CDP.ed25519[:20] in repr(each) for each in shown)
    assert repr(cdp_key(CDP.ed25519)) == "SigningKey('EdDSA')"


def test_where_nothing_is_shown_nothing_is_added() -> None:
    assert NoCredentials().fields("POST", "/settle") == {}
