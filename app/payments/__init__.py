"""x402: what an answer costs, whether a payment is good, and that it is taken exactly once.

``offer`` is the terms as data, ``gate`` the pure decision on a payment header, ``sandbox`` and
``facilitator`` settle, ``receipts`` remembers, ``settlement`` ties the last three together,
``written`` is what a facilitator is asked, as bytes.
Contract: ``payments.md``. Every message type and header codec is the official ``x402`` SDK's.
"""

from app.payments.deferred_imports import defer

defer(
    "aiohttp",  # for a facilitator or a chain elsewhere: a seventh of the imports
    "x402.http",
    "x402.extensions",
    "x402.extensions.bazaar",
    "x402.mechanisms.evm",
    "x402.mechanisms.evm.exact",
)
