"""``oncall-rotation``: back-to-back shifts of one length, in turn or planned."""
