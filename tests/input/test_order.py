"""The order of reading: every record once an epoch, shuffled again each time, from any ordinal alike."""

import numpy as np

from zoo.input.order import Order, generator


def epochs(order, count, number):
    return [[order(count * epoch + i) for i in range(count)] for epoch in range(number)]


def test_in_file_order_with_a_skip():
    order = Order(5, skip=3)
    assert [order(i) for i in range(8)] == [3, 4, 0, 1, 2, 3, 4, 0]


def test_shuffled_anew_every_epoch():
    first, second, third = epochs(Order(50, True, key=7), 50, 3)
    assert sorted(first) == sorted(second) == sorted(third) == list(range(50))
    assert first != list(range(50)) and first != second and second != third
    assert epochs(Order(50, True, key=8), 50, 1)[0] != first
    assert Order(50, True, key=7)(2 * 50 + 9) == third[9]


def test_a_skip_shortens_the_first_epoch_alone():
    plain, skipping = Order(20, True, key=7), Order(20, True, key=7, skip=6)
    assert [skipping(i) for i in range(60)] == [plain(i + 6) for i in range(60)]


def test_streams_do_not_meet():
    drawn = {tuple(generator(5, *counters).integers(1 << 40, size=3)) for counters in ((1,), (2,), (1, 2), (2, 1), ())}
    assert len(drawn) == 5
    a, b = generator(5, 1), generator(5, 2)
    assert not set(a.integers(1 << 60, size=2000)) & set(b.integers(1 << 60, size=2000))
    np.testing.assert_array_equal(generator(5, 1).random(4), generator(5, 1).random(4))
