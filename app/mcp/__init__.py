"""The products as MCP tools over streamable HTTP, paid by x402's MCP transport.

Strategy: ``route`` reads HTTP requests (counted, capped, one JSON-RPC message each) and relays them
to the official library. ``server`` builds it when the first one comes, because it takes half a
second and 15 MB that only MCP callers need. Every request stands alone and is answered in JSON, so
that any replica can take it. ``tools`` uses the ``ProductCheckout`` of each endpoint's HTTP route,
with the terms that ``tool_checkout`` gives it.
"""
