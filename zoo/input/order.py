"""In which order records are read: in file order or shuffled again every epoch, always a function of the ordinal."""

import functools

import numpy as np


def generator(key, *counters):
    """Returns a NumPy generator whose numbers are a function of `key` (64 bits) and up to four `counters` alone.

    Philox is a counter turned into numbers; the counters fill the upper words, so that streams never meet.
    """
    words = [0, *counters, 0, 0, 0][:4]
    return np.random.Generator(np.random.Philox(key=key, counter=np.array(words, np.uint64)))


class Order:
    """An endless walk over `count` records.

    Args:
        count: how many there are.
        shuffle: whether every epoch has an order of its own, the first one included.
        key: 64 bits that with the epoch decide the order.
        skip: how many records the first epoch leaves out at its start.
    """

    def __init__(self, count, shuffle=False, key=0, skip=0):
        self.count, self.shuffle, self.skip = count, shuffle, skip
        self._key = key
        self._permutation = functools.lru_cache(3)(self._shuffled)  # an epoch ends while the next is read ahead

    def __call__(self, ordinal):
        """Returns the index of the record that is read as number `ordinal` of the walk."""
        epoch, place = divmod(ordinal + self.skip, self.count)
        return int(self._permutation(epoch)[place]) if self.shuffle else place

    def _shuffled(self, epoch):
        return generator(self._key, epoch).permutation(self.count)
