"""Compiled: items on lanes open in part, and what their segments are then worth. It only makes first prices for relaxation.py.

With lane shares b an arc may carry `min(W_k, U_a) b` of each segment k at either end (the rows that prefix cuts add to the LP). Dearest
augmenting paths solve the item's LP; the longest paths left over are node prices: R_k, what one more pack for gain segment k is worth
(never above its value), and P_m, what one more pack of loss segment m is worth.
"""

from typing import NamedTuple

import numba
import numpy as np

from pipelines.planning.item_flow import LONGEST_PATH, MOST_PATHS, NOTHING
from pipelines.planning.network import ARC, GAIN, LANE, LOSS, VALUE, WIDTH, ItemNetworks, largest
from pipelines.planning.problem import Floats, Ints

LEAST = 1e-9
# Rows of the work arrays. An arc's step is the place of its best source: a loss segment, or a gain segment + BACK.
NUMBER, LOSS_EDGE, GAIN_EDGE, LOSS_FIRST, GAIN_FIRST, STEP, LOSS_BY, GAIN_BY = range(8)
TO_ARC, TO_LOSS, TO_GAIN, LOSS_USED, GAIN_USED, ON_LOSS_EDGE, ON_GAIN_EDGE = range(7)
BACK = 1_000_000


class LinkWork(NamedTuple):
    """Work arrays, reused for every item: whole numbers and figures by row and place."""

    i: Ints
    f: Floats


def link_work_for(net: ItemNetworks) -> LinkWork:
    """Work arrays large enough for every item of `net`."""
    arcs, _, _, gains, losses, longest = largest(net)
    size = max(arcs * max(longest, 1), gains, losses) + 2
    return LinkWork(np.zeros((8, size), dtype=np.int64), np.zeros((7, size)))


@numba.njit(cache=True, error_model="numpy")
def _open_arcs(net: ItemNetworks, s: int, share: Floats, w: LinkWork) -> int:
    """List the arcs of item `s` on lanes open in part, with their first edges and segments; clears flows. Returns how many."""
    count = 0
    w.i[LOSS_EDGE, 0] = w.i[GAIN_EDGE, 0] = 0
    for a in range(net.of[ARC, s], net.of[ARC, s + 1]):
        if net.limit[a] <= 0 or share[net.arc[LANE, a]] <= 0:
            continue
        m, k = net.arc[LOSS, a], net.arc[GAIN, a]
        w.i[NUMBER, count] = a
        w.i[LOSS_FIRST, count] = net.loss_start[m] - net.loss_start[net.of[LOSS, s]]
        w.i[GAIN_FIRST, count] = net.gain_start[k] - net.gain_start[net.of[GAIN, s]]
        w.i[LOSS_EDGE, count + 1] = w.i[LOSS_EDGE, count] + net.loss_start[m + 1] - net.loss_start[m]
        w.i[GAIN_EDGE, count + 1] = w.i[GAIN_EDGE, count] + net.gain_start[k + 1] - net.gain_start[k]
        count += 1
    w.f[ON_LOSS_EDGE, : w.i[LOSS_EDGE, count]] = 0.0
    w.f[ON_GAIN_EDGE, : w.i[GAIN_EDGE, count]] = 0.0
    w.f[LOSS_USED, : net.loss_start[net.of[LOSS, s + 1]] - net.loss_start[net.of[LOSS, s]]] = 0.0
    w.f[GAIN_USED, : net.gain_start[net.of[GAIN, s + 1]] - net.gain_start[net.of[GAIN, s]]] = 0.0
    return count


@numba.njit(cache=True, error_model="numpy")
def _label(net: ItemNetworks, s: int, count: int, both_ends: bool, w: LinkWork) -> None:
    """First labels: loss segments with packs left at their value; at the end also gain segments in use, at minus theirs."""
    first_m, first_k = net.loss_start[net.of[LOSS, s]], net.gain_start[net.of[GAIN, s]]
    for m in range(net.loss_start[net.of[LOSS, s + 1]] - first_m):
        left = w.f[LOSS_USED, m] < net.loss[WIDTH, first_m + m] - LEAST
        w.f[TO_LOSS, m] = net.loss[VALUE, first_m + m] if left else NOTHING
        w.i[LOSS_BY, m] = -1
    for k in range(net.gain_start[net.of[GAIN, s + 1]] - first_k):
        used = both_ends and w.f[GAIN_USED, k] > LEAST
        w.f[TO_GAIN, k] = -net.gain[VALUE, first_k + k] if used else NOTHING
        w.i[GAIN_BY, k] = -1
    w.f[TO_ARC, :count] = NOTHING


@numba.njit(cache=True, error_model="numpy")
def _reach_arc(net: ItemNetworks, s: int, x: int, cost: float, share: float, w: LinkWork) -> bool:
    """Best label of arc `x` from its loss segments with room, or back from gain segments it fills; says whether it rose."""
    a = w.i[NUMBER, x]
    label, first_m, e = w.f[TO_ARC, x], net.loss_start[net.of[LOSS, s]], w.i[LOSS_EDGE, x]
    before = label
    for j in range(w.i[LOSS_EDGE, x + 1] - e):
        m = w.i[LOSS_FIRST, x] + j
        room = min(net.loss[WIDTH, first_m + m], net.limit[a]) * share - w.f[ON_LOSS_EDGE, e + j]
        if room > LEAST and w.f[TO_LOSS, m] > NOTHING and w.f[TO_LOSS, m] - cost > label + LEAST:
            label, w.i[STEP, x] = w.f[TO_LOSS, m] - cost, j
    e = w.i[GAIN_EDGE, x]
    for j in range(w.i[GAIN_EDGE, x + 1] - e):
        k = w.i[GAIN_FIRST, x] + j
        if w.f[ON_GAIN_EDGE, e + j] > LEAST and w.f[TO_GAIN, k] > label + LEAST:
            label, w.i[STEP, x] = w.f[TO_GAIN, k], BACK + j
    w.f[TO_ARC, x] = label
    return label > before


@numba.njit(cache=True, error_model="numpy")
def _leave_arc(net: ItemNetworks, s: int, x: int, cost: float, share: float, w: LinkWork) -> bool:
    """Better labels of the segments at both ends of arc `x` from its own; says whether any rose."""
    a, label, rose = w.i[NUMBER, x], w.f[TO_ARC, x], False
    first_k, e = net.gain_start[net.of[GAIN, s]], w.i[GAIN_EDGE, x]
    for j in range(w.i[GAIN_EDGE, x + 1] - e):
        k = w.i[GAIN_FIRST, x] + j
        room = min(net.gain[WIDTH, first_k + k], net.limit[a]) * share - w.f[ON_GAIN_EDGE, e + j]
        if room > LEAST and label > w.f[TO_GAIN, k] + LEAST:
            w.f[TO_GAIN, k], w.i[GAIN_BY, k], rose = label, x, True
    e = w.i[LOSS_EDGE, x]
    for j in range(w.i[LOSS_EDGE, x + 1] - e):
        m = w.i[LOSS_FIRST, x] + j
        if w.f[ON_LOSS_EDGE, e + j] > LEAST and label + cost > w.f[TO_LOSS, m] + LEAST:
            w.f[TO_LOSS, m], w.i[LOSS_BY, m], rose = label + cost, x, True
    return rose


@numba.njit(cache=True, error_model="numpy")
def _settle(net: ItemNetworks, s: int, count: int, cost: Floats, share: Floats, w: LinkWork) -> None:
    """Dearest paths from the first labels to everything (Bellman-Ford over arcs)."""
    changed, rounds = True, 0
    while changed:
        changed, rounds = False, rounds + 1
        if rounds > LONGEST_PATH:
            raise RuntimeError("dearest paths of an item do not settle; report the problem")
        for x in range(count):
            a = w.i[NUMBER, x]
            b = share[net.arc[LANE, a]]
            changed |= _reach_arc(net, s, x, cost[a], b, w)
            if w.f[TO_ARC, x] > NOTHING:
                changed |= _leave_arc(net, s, x, cost[a], b, w)


@numba.njit(cache=True, error_model="numpy")
def _walk(net: ItemNetworks, s: int, last: int, share: Floats, packs: float, write: bool, w: LinkWork) -> float:
    """Follow the path that ends in gain segment `last` to its start: add `packs` along it, or return what fits (at most `packs`)."""
    first_m, first_k, k = net.loss_start[net.of[LOSS, s]], net.gain_start[net.of[GAIN, s]], last
    x, forward, steps = w.i[GAIN_BY, last], True, 0
    while True:
        steps += 1
        if steps > LONGEST_PATH:
            raise RuntimeError("a path of an item runs in a circle; report the problem")
        a = w.i[NUMBER, x]
        b, e, first = share[net.arc[LANE, a]], w.i[GAIN_EDGE, x], w.i[GAIN_FIRST, x]
        if forward:
            fits = min(net.gain[WIDTH, first_k + k], net.limit[a]) * b - w.f[ON_GAIN_EDGE, e + k - first]
            packs = packs if write else min(packs, fits)
            w.f[ON_GAIN_EDGE, e + k - first] += packs if write else 0.0
        step = w.i[STEP, x]
        if step >= BACK:
            packs = packs if write else min(packs, w.f[ON_GAIN_EDGE, e + step - BACK])
            w.f[ON_GAIN_EDGE, e + step - BACK] -= packs if write else 0.0
            k = first + step - BACK
            x, forward = w.i[GAIN_BY, k], True
            continue
        e, m = w.i[LOSS_EDGE, x], w.i[LOSS_FIRST, x] + step
        fits = min(net.loss[WIDTH, first_m + m], net.limit[a]) * b - w.f[ON_LOSS_EDGE, e + step]
        packs = packs if write else min(packs, fits)
        w.f[ON_LOSS_EDGE, e + step] += packs if write else 0.0
        x = w.i[LOSS_BY, m]
        if x < 0:
            fits = net.loss[WIDTH, first_m + m] - w.f[LOSS_USED, m]
            w.f[LOSS_USED, m] += packs if write else 0.0
            return packs if write else min(packs, fits)
        e = w.i[LOSS_EDGE, x] + m - w.i[LOSS_FIRST, x]
        packs = packs if write else min(packs, w.f[ON_LOSS_EDGE, e])
        w.f[ON_LOSS_EDGE, e] -= packs if write else 0.0
        forward = False


@numba.njit(cache=True, error_model="numpy")
def _flow(net: ItemNetworks, s: int, count: int, cost: Floats, share: Floats, w: LinkWork) -> None:
    """Fill the item's edges along dearest paths until none pays."""
    first = net.gain_start[net.of[GAIN, s]]
    for _ in range(MOST_PATHS):
        _label(net, s, count, False, w)
        _settle(net, s, count, cost, share, w)
        best, last = LEAST, -1
        for k in range(net.gain_start[net.of[GAIN, s + 1]] - first):
            room = w.f[GAIN_USED, k] < net.gain[WIDTH, first + k] - LEAST
            if room and w.f[TO_GAIN, k] > NOTHING and w.f[TO_GAIN, k] + net.gain[VALUE, first + k] > best:
                best, last = w.f[TO_GAIN, k] + net.gain[VALUE, first + k], k
        if last < 0:
            return
        packs = _walk(net, s, last, share, net.gain[WIDTH, first + last] - w.f[GAIN_USED, last], False, w)
        _walk(net, s, last, share, packs, True, w)
        w.f[GAIN_USED, last] += packs
    raise RuntimeError("an item takes more paths than it can have; report the problem")


@numba.njit(cache=True, error_model="numpy", nogil=True)
def price_nodes(
    net: ItemNetworks, items: Ints, cost: Floats, share: Floats, w: LinkWork, packs: Floats, gain_price: Floats, loss_price: Floats
) -> None:
    """Fill `packs` (by arc), `gain_price` R and `loss_price` P (by segment) for every item of `items` at lane shares `share` in [0, 1]."""
    for s in items:
        packs[net.of[ARC, s] : net.of[ARC, s + 1]] = 0.0
        count = _open_arcs(net, s, share, w)
        if count:
            _flow(net, s, count, cost, share, w)
        for x in range(count):
            packs[w.i[NUMBER, x]] = w.f[ON_GAIN_EDGE, w.i[GAIN_EDGE, x] : w.i[GAIN_EDGE, x + 1]].sum()
        _label(net, s, count, True, w)
        _settle(net, s, count, cost, share, w)
        for k in range(net.gain_start[net.of[GAIN, s]], net.gain_start[net.of[GAIN, s + 1]]):
            label = w.f[TO_GAIN, k - net.gain_start[net.of[GAIN, s]]]
            gain_price[k] = min(-label, net.gain[VALUE, k])
        for m in range(net.loss_start[net.of[LOSS, s]], net.loss_start[net.of[LOSS, s + 1]]):
            label = w.f[TO_LOSS, m - net.loss_start[net.of[LOSS, s]]]
            loss_price[m] = max(-label, -net.loss[VALUE, m]) if label > NOTHING else -net.loss[VALUE, m]


@numba.njit(cache=True, error_model="numpy", nogil=True)
def arc_rents(net: ItemNetworks, items: Ints, cost: Floats, gain_price: Floats, loss_price: Floats, rent: Floats) -> None:
    """Fill `rent`: what an arc alone could earn by buying packs at `loss_price` and selling them at `gain_price`, best with best."""
    size = 1
    for c in range(len(net.gain_start) - 1):
        size = max(size, net.gain_start[c + 1] - net.gain_start[c])
    for c in range(len(net.loss_start) - 1):
        size = max(size, net.loss_start[c + 1] - net.loss_start[c])
    offers = np.zeros((4, size))
    for s in items:
        for a in range(net.of[ARC, s], net.of[ARC, s + 1]):
            rent[a] = _rent(net, a, cost[a], gain_price, loss_price, offers) if net.limit[a] > 0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def _rent(net: ItemNetworks, a: int, cost: float, gain_price: Floats, loss_price: Floats, offers: Floats) -> float:
    m, k = net.arc[LOSS, a], net.arc[GAIN, a]
    sells = _ranked(gain_price, net.gain, net.gain_start[k], net.gain_start[k + 1], 1.0, offers[0], offers[1])
    buys = _ranked(loss_price, net.loss, net.loss_start[m], net.loss_start[m + 1], -1.0, offers[2], offers[3])
    i, j, left, rent = 0, 0, net.limit[a], 0.0
    while i < buys and j < sells and left > 0:
        worth = offers[0, j] + offers[2, i] - cost
        if worth <= 0:
            break
        step = min(offers[1, j], offers[3, i], left)
        rent, left = rent + worth * step, left - step
        offers[1, j] -= step
        offers[3, i] -= step
        i, j = i + (offers[3, i] <= 0), j + (offers[1, j] <= 0)
    return rent


@numba.njit(cache=True, error_model="numpy")
def _ranked(price: Floats, segments: Floats, first: int, last: int, sign: float, values: Floats, widths: Floats) -> int:
    """Segments of a curve, best price first, by insertion: they are nearly in order."""
    count = 0
    for k in range(first, last):
        value, width, at = sign * price[k], segments[WIDTH, k], count
        if width <= 0:
            continue
        while at > 0 and values[at - 1] < value:
            values[at], widths[at] = values[at - 1], widths[at - 1]
            at -= 1
        values[at], widths[at] = value, width
        count += 1
    return count
