"""Stubs of facilitators that want signed tokens: they check what the vendors' documents say."""

import base64
import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.services import Handler, ScriptedFacilitator, answers

KEY_ID = "organizations/0a1b/apiKeys/2c3d"


class CdpKeys:
    """Two keys of CDP as its portal gives them out: ``ed25519`` in base64, ``ecdsa`` in PEM."""

    def __init__(self) -> None:
        self._ed25519 = Ed25519PrivateKey.generate()
        self._ecdsa = generate_private_key(SECP256R1())
        self.public = {"EdDSA": self._ed25519.public_key(), "ES256": self._ecdsa.public_key()}

    @property
    def ed25519(self) -> str:
        public = self._ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(self._ed25519.private_bytes_raw() + public).decode()

    @property
    def ecdsa(self) -> str:
        form = PrivateFormat.TraditionalOpenSSL
        return self._ecdsa.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


class PayAiKeys:
    """A key of PayAI as its portal gives it out."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = {"EdDSA": self._key.public_key()}

    @property
    def secret(self) -> str:
        der = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return "payai_sk_" + base64.b64encode(der).decode()


class TokenFacilitator(ScriptedFacilitator):
    """A facilitator that answers 401 to a call without a good token; ``tokens`` are those it saw.

    ``refused`` says why, call by call.
    """

    def __init__(self, public: dict[str, Any], **script: Handler | list[Handler]) -> None:
        super().__init__(**script)
        self._public = public
        self.tokens: list[str] = []
        self.refused: list[str] = []

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            assert scheme == "Bearer", "no token"
            header = jwt.get_unverified_header(token)
            assert header["typ"] == "JWT", "typ"
            assert header["kid"] == KEY_ID, "kid"
            claims = jwt.decode(token, self._public[header["alg"]], [header["alg"]])
            assert claims["sub"] == KEY_ID, "sub"
            self._check(request, header, claims)
        except (AssertionError, KeyError, jwt.PyJWTError) as error:
            self.refused.append(str(error))
            body = {
                "errorType": "unauthorized",
                "errorMessage": f"The token {token} is no good.",
                "correlationId": "41deb8d59a9dc9a7-IAD",
            }
            return await answers(body, 401)(request)
        self.tokens.append(token)
        return await super()._serve(request)

    def _check(
        self, request: web.Request, header: dict[str, Any], claims: dict[str, Any]
    ) -> None: ...


class CdpFacilitator(TokenFacilitator):
    """As CDP: a token for this very call, and for two minutes, which was not seen before."""

    def _check(self, request: web.Request, header: dict[str, Any], claims: dict[str, Any]) -> None:
        path = "api.cdp.coinbase.com/platform/v2/x402" + request.path
        assert claims["uris"] == [f"{request.method} {path}"], "uris"
        assert claims["iss"] == "cdp", "iss"
        assert claims["exp"] - claims["nbf"] == 120, "exp"
        assert abs(claims["nbf"] - time.time()) < 10, "nbf"
        assert len(header["nonce"]) >= 16, "nonce"
        assert all(
            jwt.get_unverified_header(each)["nonce"] != header["nonce"] for each in self.tokens
        )


class PayAiFacilitator(TokenFacilitator):
    """As PayAI: a token of the merchant, good for any call of two minutes."""

    def _check(self, request: web.Request, header: dict[str, Any], claims: dict[str, Any]) -> None:
        assert claims["iss"] == "payai-merchant", "iss"
        assert claims["exp"] - claims["iat"] == 120, "exp"
        assert header["alg"] == "EdDSA", "alg"
        assert claims["jti"], "jti"
