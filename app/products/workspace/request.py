"""The request for ``oncall-workspace``: the secret bytes of the buyer, and what the key may do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from app.errors import FieldError
from app.http.scalars import Name
from app.http.validation import RequestModel

WorkspaceScope = Literal["schedules", "oncall:read", "oncall:write"]
"""The scopes of a key, as the stored APIs have them."""
ALL_SCOPES: Sequence[WorkspaceScope] = ("schedules", "oncall:read", "oncall:write")
LEAST_DIFFERENT_BYTES = 16
"""Of 32 random bytes at least so many differ, but once in some ten million million times."""
EXAMPLE_SECRET = "5f1d0c3a9be86274d0f7413ec52a98b61b7e04f9a3d865c21e90b7543f8a6d2c"  # noqa: S105 - known to all

NOT_RANDOM = "is not random: take 32 bytes of a cryptographic random number generator"
NOT_YOURS = (
    "is that of the example, which everybody knows and which is refused once it is paid for: take "
    "32 random bytes of your own"
)


class OncallWorkspaceRequest(RequestModel, frozen=True):
    """A workspace for the wallet that pays, or 30 days more for the one that it has."""

    synonyms: ClassVar[Mapping[str, str]] = {"scope": "scopes", "random": "secret"}

    secret: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-fA-F]{64}$(?!\n)",
            description="32 random bytes of your own, new for every purchase, as 64 hexadecimal "
            "digits; whoever has them and the payment can ask for the key again",
            examples=[EXAMPLE_SECRET],
        ),
    ]
    scopes: (
        Annotated[
            list[WorkspaceScope],
            Meta(
                min_length=1,
                max_length=3,
                description='what the key may do: one or several of "schedules" (API v1), '
                '"oncall:read" and "oncall:write" (API v2); absent: all three',
            ),
        ]
        | None
    ) = None
    name: (
        Annotated[Name, Meta(description="the key's name in the audit, of 1 to 200 characters")]
        | None
    ) = None
    replaces_keys: Annotated[
        bool, Meta(description="whether every earlier key of the workspace is revoked")
    ] = False

    @property
    def granted(self) -> Sequence[WorkspaceScope]:
        """The scopes of the key."""
        return ALL_SCOPES if self.scopes is None else self.scopes

    @property
    def is_examined(self) -> bool:
        """Whether there is something to warn of."""
        return self.has_known_secret

    @property
    def has_known_secret(self) -> bool:
        """Whether the secret is the one of the example."""
        return self.secret.lower() == EXAMPLE_SECRET

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of a secret that cannot be random, and of scopes given twice."""
        if "secret" in values and len({*bytes.fromhex(values["secret"])}) < LEAST_DIFFERENT_BYTES:
            yield FieldError("/secret", NOT_RANDOM)
        scopes = values.get("scopes") or ()
        if len({*scopes}) < len(scopes):
            yield FieldError("/scopes", "names a scope twice")
