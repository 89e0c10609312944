# pragma version ~=0.4.3
"""
@title A stand-in for USDC: EIP-20 balances moved by EIP-3009 authorizations.
@notice For a local chain only: anybody may mint. The order of the checks and the reasons of the
        reverts are FiatTokenV2's, because the SDK's facilitator reads meaning from them. Nothing is
        immutable, and the EIP-712 domain is computed at each call, so that the run-time code works
        at whatever address it is installed.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

name: public(constant(String[4])) = "USDC"
version: public(constant(String[1])) = "2"
symbol: public(constant(String[4])) = "USDC"
decimals: public(constant(uint8)) = 6

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TRANSFER_TYPE: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
# Above it, s is the malleable twin of a signature (EIP-2).
HALF_CURVE_ORDER: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@external
def mint(receiver: address, amount: uint256):
    """
    @notice The faucet of the tests.
    """
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def transferWithAuthorization(
    payer: address,
    payee: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp > valid_after, "FiatTokenV2: authorization is not yet valid"
    assert block.timestamp < valid_before, "FiatTokenV2: authorization is expired"
    assert not self.authorizationState[payer][nonce], "FiatTokenV2: authorization is used or canceled"
    digest: bytes32 = self._digest(
        keccak256(
            abi_encode(TRANSFER_TYPE, payer, payee, amount, valid_after, valid_before, nonce)
        )
    )
    assert self._signer(digest, v, r, s) == payer, "FiatTokenV2: invalid signature"
    self.authorizationState[payer][nonce] = True
    log AuthorizationUsed(authorizer=payer, nonce=nonce)
    self._move(payer, payee, amount)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return self._domain()


@internal
def _move(payer: address, payee: address, amount: uint256):
    assert payee != empty(address), "ERC20: transfer to the zero address"
    assert self.balanceOf[payer] >= amount, "ERC20: transfer amount exceeds balance"
    self.balanceOf[payer] -= amount
    self.balanceOf[payee] += amount
    log Transfer(sender=payer, receiver=payee, value=amount)


@internal
@pure
def _signer(digest: bytes32, v: uint8, r: bytes32, s: bytes32) -> address:
    assert convert(s, uint256) <= HALF_CURVE_ORDER, "ECRecover: invalid signature 's' value"
    assert v == 27 or v == 28, "ECRecover: invalid signature 'v' value"
    signer: address = ecrecover(digest, v, r, s)
    assert signer != empty(address), "ECRecover: invalid signature"
    return signer


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    return keccak256(concat(b"\x19\x01", self._domain(), struct_hash))


@internal
@view
def _domain() -> bytes32:
    return keccak256(
        abi_encode(DOMAIN_TYPE, keccak256(name), keccak256(version), chain.id, self)
    )
