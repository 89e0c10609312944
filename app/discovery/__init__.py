"""The pages and documents by which agents and people find, read and try the service.

All of them are made from the endpoint table, so that they cannot differ from it.
"""
