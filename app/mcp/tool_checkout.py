"""The checkout of an endpoint's MCP tool, made from that of its HTTP route."""

from dataclasses import replace

from app.checkout.purchase import ProductCheckout
from app.discovery.bazaar import bazaar_tool_extension

PATH = "/mcp"
UNPAID = 'Payment is required: repeat the call with a payment in _meta["x402/payment"]'


def tool_checkout(checkout: ProductCheckout, public_url: str) -> ProductCheckout:
    """The checkout of the tool, whose terms name the MCP server's URL and the tool.

    A payment for a tool's call therefore buys nothing over HTTP, and the other way round.
    """
    payments = checkout.payments
    if payments is None:
        return checkout
    terms = replace(
        payments.terms,
        resource=payments.terms.resource.model_copy(update={"url": public_url + PATH}),
        described=bazaar_tool_extension(checkout.endpoint),
        unpaid_error=UNPAID,
    )
    return replace(checkout, payments=replace(payments, terms=terms))
