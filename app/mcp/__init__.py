"""The products as MCP tools over streamable HTTP, paid by x402's MCP transport.

Strategy: ``route`` takes what HTTP brings (counted, capped, one JSON-RPC message each) and hands a
request to the official library, which ``server`` builds when the first one comes: it is half a
second and 15 MB that only MCP callers need. Every request stands alone and is answered in JSON, so
any replica can take it. ``tools`` sells each endpoint through the same ``Sale`` as its HTTP route.
"""
