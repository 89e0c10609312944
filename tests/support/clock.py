"""Time as a value that tests move."""

from datetime import datetime


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def set(self, text: str) -> None:
        """Make it ``text``, an RFC 3339 instant."""
        self.now = datetime.fromisoformat(text).timestamp()
