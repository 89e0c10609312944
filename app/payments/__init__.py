"""Payments by x402: the terms of an answer, the check of a payment, and one charge for each.

``terms`` holds the payment terms as data, ``authorization`` what a payer signs, ``verification``
the pure decision on a payment. ``settlement`` charges a payment through one of ``facilitators`` and
stores it in ``claims``; ``chain`` decides where a facilitator's answer was lost.
Contract: ``payments.md``. Every message type and header codec is the official ``x402`` SDK's.
"""

from app.payments.deferred_imports import defer

defer(
    "aiohttp",  # for a facilitator or a chain elsewhere: a seventh of the imports
    "jwt",  # for a facilitator that wants tokens
    "x402.http",
    "x402.extensions",
    "x402.extensions.bazaar",
    "x402.mechanisms.evm",
    "x402.mechanisms.evm.exact",
    "x402.mechanisms.svm",
    "x402.mechanisms.svm.exact",
)
