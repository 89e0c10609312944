"""Print the table of the asks: ``python -m tests.first_try``."""

from tests.first_try.asks import ASKS

for ask in ASKS:
    print(f"{ask.outcome:18} {ask.words}{f' (lacking: {ask.lacking})' if ask.lacking else ''}")  # noqa: T201 - what it is for
