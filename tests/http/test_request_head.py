"""The request head, read in one pass."""

import pytest

from app.http.request_head import RequestHead, request_head


def head(*fields: tuple[bytes, bytes], client: tuple[str, int] | None = None) -> RequestHead:
    return request_head({"method": "POST", "headers": fields, "client": client})


def test_values_stand_in_order_of_arrival() -> None:
    found = head((b"accept", b"text/csv"), (b"host", b"a.test"), (b"accept", b"*/*;q=0.1"))
    assert found.values("accept") == ["text/csv", "*/*;q=0.1"]
    assert found.value("accept") == "text/csv"


def test_what_was_not_sent_is_empty() -> None:
    found = head()
    assert (found.value("accept"), found.values("accept"), found.peer) == ("", (), None)


def test_the_peer_is_the_connections_address() -> None:
    assert head(client=("192.0.2.1", 40_000)).peer == "192.0.2.1"


def test_any_byte_is_text() -> None:
    assert head((b"content-type", b"\xff")).value("content-type") == "\xff"


@pytest.mark.parametrize(
    ("name", "paying"),
    [(b"payment-signature", True), (b"x-payment", True), (b"payment-response", False)],
)
def test_a_payment_comes_in_either_version(name: bytes, paying: bool) -> None:
    assert head((name, b"")).paying is paying


@pytest.mark.parametrize(
    ("fields", "bodiless"),
    [
        pytest.param([], True, id="neither-length-nor-coding"),
        pytest.param([(b"content-length", b"0")], True, id="length-0"),
        pytest.param([(b"content-length", b"1")], False, id="length-1"),
        pytest.param([(b"content-length", b"")], False, id="length-unclear"),
        pytest.param([(b"transfer-encoding", b"chunked")], False, id="in-chunks"),
        pytest.param(
            [(b"content-length", b"0"), (b"transfer-encoding", b"chunked")], False, id="both"
        ),
    ],
)
def test_whether_a_body_follows(fields: list[tuple[bytes, bytes]], bodiless: bool) -> None:
    assert head(*fields).bodiless is bodiless
