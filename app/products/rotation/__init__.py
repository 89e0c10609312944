"""The product ``oncall-rotation``: shifts one after another, by turns or by a fair plan."""
