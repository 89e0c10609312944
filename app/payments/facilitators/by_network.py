"""The facilitators of one service: the one that settles payments on each network."""

import asyncio
from collections.abc import Mapping

from app.errors import ConfigurationError
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.facilitators.sandbox import SandboxFacilitator

Facilitator = RemoteFacilitator | SandboxFacilitator


class Facilitators:
    """The facilitator of each network, by the network's CAIP-2 name; at least one."""

    def __init__(self, by_network: Mapping[str, Facilitator]) -> None:
        self.by_network = by_network

    @property
    def label(self) -> str | None:
        """What tells callers that no real money moves; ``None`` where it does."""
        return next(iter(self.by_network.values())).label

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why no payment can be settled at the moment, by network."""
        return {network: each.problem for network, each in self.by_network.items() if each.problem}

    @property
    def version_1_networks(self) -> list[str]:
        """The networks on which payments of version 1 of the protocol can be settled."""
        return [network for network, each in self.by_network.items() if each.takes_version_1]

    async def connect(self) -> None:
        """Connect to all. Raises ``ConfigurationError`` with the problems of those that cannot."""
        results = await asyncio.gather(
            *(each.connect() for each in self.by_network.values()), return_exceptions=True
        )
        failed = [each for each in results if isinstance(each, BaseException)]
        if failed:
            await self.aclose()
        for error in failed:
            if not isinstance(error, ConfigurationError):
                raise error
        errors = [
            line
            for each in failed
            if isinstance(each, ConfigurationError)
            for line in each.problems
        ]
        if errors:
            raise ConfigurationError(errors)

    async def refresh(self) -> None:
        """Ask all of them again whether they work."""
        await asyncio.gather(*(each.refresh() for each in self.by_network.values()))

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(each.aclose() for each in self.by_network.values()))
