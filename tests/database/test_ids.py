"""New ids."""

import re

from app.database.ids import new_id

NOW = 1_780_531_200_000


def test_it_is_a_ulid_of_the_instant_given() -> None:
    assert re.fullmatch(r"01KT7YW000[0-9A-HJKMNP-TV-Z]{16}", new_id(NOW))


def test_a_prefix_says_what_it_is_of() -> None:
    assert re.fullmatch(r"sched_[0-9A-Z]{26}", new_id(NOW, "sched_"))


def test_they_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id(NOW + number // 50) for number in range(100)]
    assert made == sorted(set(made))
