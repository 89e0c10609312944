"""The product ``oncall-convert``: another tool's schedule as a layered one."""
