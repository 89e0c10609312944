"""Threads that end while coverage measures, with Python 3.11.

Coverage keeps a weak dictionary for each thread, by its greenlets. When a thread has ended,
greenlet drops them within a pending call of the interpreter, and the dictionary's callback is
Python code. Where that is traced and another pending call is due (two threads ended), Python 3.11
waits for ever for the call in which it is. A callback in C runs no traced code.
"""

import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

_PLAIN = weakref.WeakKeyDictionary
_one_at_a_time = threading.Lock()


class _ForgettingInC(weakref.WeakKeyDictionary[Any, Any]):
    """A weak dictionary, never iterated over, whose callback is a method of ``dict``."""

    def __init__(self) -> None:
        super().__init__()
        self._remove = self.data.pop  # type: ignore[attr-defined]


def let_traced_threads_end() -> None:
    """Give threads that start from now on, if they are traced, dictionaries that forget in C."""
    hook = threading.gettrace()
    if hook is not None:
        threading.settrace(partial(_start_trace, hook))


def _start_trace(hook: Callable[..., Any], *event: Any) -> Any:
    """Pass the first event of a thread to coverage, which makes the thread's dictionary for it."""
    with _one_at_a_time:
        weakref.WeakKeyDictionary = _ForgettingInC  # type: ignore[misc]
        try:
            return hook(*event)
        finally:
            weakref.WeakKeyDictionary = _PLAIN  # type: ignore[misc]
