"""A payment that the sandbox signs for its own terms."""

import pytest
from x402.http.utils import decode_payment_signature_header
from x402.schemas import PaymentPayload, ResourceInfo

from app.payments.disposable_wallet import signed_payment
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.terms import payment_terms_of, resource_server
from app.payments.verification import HeaderPayment, payment_in
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, USDC

pytestmark = pytest.mark.anyio


async def test_it_is_for_the_terms_with_an_identifier_and_signed_by_its_payer(clock: Clock) -> None:
    server = resource_server({NETWORK: SandboxFacilitator(NETWORK, USDC, clock)})
    terms = payment_terms_of(
        server,
        price_usd=paid_endpoints()[0].price_usd,
        payees={NETWORK: PAY_TO},
        resource=ResourceInfo(url="https://oncall.test/x"),
        identifier_required=True,
    )
    signed = await signed_payment(terms)
    payment = payment_in(terms, HeaderPayment([signed.header]), server, version_1=())
    assert payment.wallet_signed
    assert payment.authorization.payer == signed.payer
    assert payment.identifier is not None
    payload = decode_payment_signature_header(signed.header)
    assert isinstance(payload, PaymentPayload)
    assert payload.accepted == terms.accepts[0]
    assert "id" not in terms.extensions["payment-identifier"]["info"]
    other = await signed_payment(terms)
    assert other.payer != signed.payer
