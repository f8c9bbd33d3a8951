"""Greedy suppression of many lists of boxes at once, in NumPy, that stops as soon as the wanted number is found.

All lists are gone through together, from the best score down. What has a lower score than the last of the wanted boxes
cannot be among them, so a net's thousands of poor candidates are never compared, nor even sorted.
"""

import numpy as np

from zoo.layers.ops.boxes import overlap
from zoo.layers.ops.suppression import thresholds

BLOCK = 256
FIRST = 1024  # candidates that are sorted at first
_EARLIER = np.tri(BLOCK, k=-1, dtype=bool)


def ranked(scores, places):
    """Yields arrays of indices of `scores` by descending score, then ascending place; all of them, the best first.

    Args:
        scores: float32 (K,), none NaN.
        places: from an array of indices to distinct integers below 2^32.
    """
    if len(scores) <= 4 * FIRST:
        yield _sorted(scores, np.arange(len(scores)), places)
        return
    best = scores >= np.partition(scores, -FIRST)[-FIRST]  # with all that equal the last
    yield _sorted(scores, np.flatnonzero(best), places)
    yield _sorted(scores, np.flatnonzero(~best), places)


def _sorted(scores, indices, places):
    bits = (scores[indices] + np.float32(0)).view(np.int32)  # so that -0 is 0
    ascending = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    return indices[np.argsort((~ascending.astype(np.int64) << 32) | places(indices))]


class Lists:
    """Suppression in each of several lists, of which each sees its boxes by descending score.

    Args:
        threshold, eta: as `suppression.keep` takes them.
        count: the number of lists.
        most: how many candidates of a list count; None for all.
        wanted: how many boxes are wanted of all lists together; None for all.

    Attributes:
        boxes: four arrays (found,) of those that are kept.
        lists, indices: which list each is of, and what `add` called it.
    """

    def __init__(self, threshold, eta, count, most, wanted):
        self._levels = thresholds(threshold, eta, 2**16)
        self._seen, self._kept = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._most, self._wanted = most, wanted
        self.boxes, self.lists, self.indices = (
            [np.zeros(0, np.float32)] * 4,
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
        )

    @property
    def full(self):
        """Whether as many are found as are wanted."""
        return self._wanted is not None and len(self.lists) >= self._wanted

    def add(self, boxes, lists, indices):
        """Takes candidates in order: four arrays (K,), the list of each, and what to call it."""
        if self._most is not None:
            chosen = self._ranks(lists) < self._most
            boxes, lists, indices = [b[chosen] for b in boxes], lists[chosen], indices[chosen]
        start = 0
        while start < len(lists) and not self.full:
            part = slice(start, start + self._size())
            self._block([b[part] for b in boxes], lists[part], indices[part])
            start = part.stop
        if self.full:
            self.boxes = [b[: self._wanted] for b in self.boxes]
            self.lists, self.indices = self.lists[: self._wanted], self.indices[: self._wanted]

    def _size(self):
        """Returns how many to look at next: about as many as are likely to be needed; one where each counts."""
        if len(self._levels) > 1:
            return 1
        return BLOCK if self._wanted is None else min(max(2 * (self._wanted - len(self.lists)), 32), BLOCK)

    def _ranks(self, lists):
        """Returns the place of each candidate in its list, and notes that they have been seen."""
        order = np.argsort(lists, kind="stable")
        counts = np.bincount(lists, minlength=len(self._seen))
        ranks = np.empty(len(lists), np.int64)
        ranks[order] = np.arange(len(lists)) - (np.cumsum(counts) - counts)[lists[order]]
        ranks += self._seen[lists]
        self._seen += counts
        return ranks

    def _block(self, boxes, lists, indices):
        level = self._levels[np.minimum(self._kept[lists], len(self._levels) - 1)]
        short = np.int16 if len(self._seen) < 2**15 else np.int64  # compared many times
        own, kept = lists.astype(short), self.lists.astype(short)
        allowed = np.ones(len(lists), bool)
        allowed[self._hits(boxes, self.boxes, own[:, None] == kept, level)[0]] = False
        boxes, lists, indices, level = [b[allowed] for b in boxes], lists[allowed], indices[allowed], level[allowed]
        own, size = own[allowed], len(lists)
        later, earlier = self._hits(boxes, boxes, (own[:, None] == own) & _EARLIER[:size, :size], level)
        found, last = np.ones(len(lists), bool), None
        while last is None or not np.array_equal(found, last):  # what has no more to change is the greedy choice
            found, last = np.ones(len(lists), bool), found
            found[later[last[earlier]]] = False
        self.boxes = [np.concatenate([old, b[found]]) for old, b in zip(self.boxes, boxes)]
        self.lists, self.indices = (
            np.concatenate([self.lists, lists[found]]),
            np.concatenate([self.indices, indices[found]]),
        )
        self._kept += np.bincount(lists[found], minlength=len(self._kept))

    @staticmethod
    def _hits(boxes, others, together, level):
        """Returns the indices (of `boxes`, of `others`) of each pair that is `together` and overlaps too much."""
        one, other = np.divmod(np.flatnonzero(together), max(together.shape[1], 1))
        hit = overlap([b[one] for b in boxes], [b[other] for b in others], xp=np) > level[one]
        return one[hit], other[hit]
