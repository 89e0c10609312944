"""The SDK's packages, run only as far as they are used.

Strategy: ``x402.mechanisms.evm`` imports a whole Ethereum client (web3, a second and 40 MB) for
signers that a seller never touches, while the modules within it are light. A deferred package can
be walked through to its modules at once; its own body runs when something is asked of it that is
not a module already imported. ``importlib.util.LazyLoader`` cannot do this: it runs the body as
soon as the import system asks for ``__path__``.
"""

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


def defer(*names: str) -> None:
    """Register the packages ``names``, parents first; those already imported stay as they are."""
    for name in names:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            package = module_from_spec(spec)
            package.__class__ = _Deferred
            sys.modules[name] = package


class _Deferred(ModuleType):
    """A package whose body has not run yet."""

    def __getattr__(self, name: str) -> Any:
        """Only what the package lacks is looked up here."""
        if name.startswith("__"):
            raise AttributeError(name)
        spec = self.__spec__
        assert spec is not None  # noqa: S101 - given by ``defer``
        assert spec.loader is not None  # noqa: S101 - a package has one
        self.__class__ = ModuleType  # type: ignore[assignment] # no longer deferred
        spec.loader.exec_module(self)
        return getattr(self, name)
