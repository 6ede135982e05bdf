"""Compiled: the best whole packs of one item after another, with a charge for every arc used. Prices and bounds live in relaxation.py.

Successive shortest paths on donors and receivers: each path takes the best next segment of a donor, goes over arcs (and back over arcs
already used) and ends in the best next segment of a receiver, so flows stay whole (Ahuja, Magnanti, Orlin, Network Flows, 1993, 9.7).
Charges per arc used make the item a small fixed-charge problem: branch and bound over arcs, charges spread over an arc's useful packs.
"""

from typing import NamedTuple

import numba
import numpy as np

from pipelines.planning.network import ARC, GAIN, LOSS, VALUE, WIDTH, ItemNetworks, largest
from pipelines.planning.problem import Floats, Ints

NOTHING = -1e300
LEAST, NOISE = 1e-9, 1e-10
FREE, OPEN, SHUT = 0, 1, 2
LONGEST_PATH, MOST_PATHS = 10_000, 10_000_000


# Rows of the work arrays: arcs still of use with their ends and figures, and the state of each curve and path.
NUMBER, DONOR, RECEIVER, DONOR_BY, RECEIVER_BY, LOSS_AT, GAIN_AT = range(7)
COST, CHARGE, USEFUL, ROOM, PRICE, PACKS, BEST, TO_DONOR, TO_RECEIVER, LOSS_USED, GAIN_USED, PROMISE = range(12)


class Work(NamedTuple):
    """Work arrays, reused for every item: whole numbers `i` and figures `f` by row and place, states of arcs by node."""

    i: Ints
    f: Floats
    state: np.ndarray


def work_for(net: ItemNetworks) -> Work:
    """Work arrays large enough for every item of `net`."""
    arcs = max(1, *largest(net)[:3])
    stack = 2 * arcs + 4
    return Work(np.zeros((7, stack), dtype=np.int64), np.zeros((12, stack)), np.zeros((stack, arcs), dtype=np.int8))


@numba.njit(cache=True, error_model="numpy")
def _stand_alone(net: ItemNetworks, a: int, cost: float) -> tuple[float, float]:
    """Profit of arc `a` alone on both its curves, and its packs then. No plan earns more by the arc, nor sends more on it."""
    m, k = net.loss_start[net.arc[LOSS, a]], net.gain_start[net.arc[GAIN, a]]
    last_m, last_k = net.loss_start[net.arc[LOSS, a] + 1], net.gain_start[net.arc[GAIN, a] + 1]
    given, taken, packs, profit = 0.0, 0.0, 0.0, 0.0
    while m < last_m and k < last_k and packs < net.limit[a]:
        worth = net.loss[VALUE, m] + net.gain[VALUE, k] - cost
        if worth <= 0:
            break
        step = min(net.loss[WIDTH, m] - given, net.gain[WIDTH, k] - taken, net.limit[a] - packs)
        packs, profit = packs + step, profit + step * worth
        given, taken = given + step, taken + step
        if given >= net.loss[WIDTH, m]:
            m, given = m + 1, 0.0
        if taken >= net.gain[WIDTH, k]:
            k, taken = k + 1, 0.0
    return profit, packs


@numba.njit(cache=True, error_model="numpy")
def _choose_arcs(net: ItemNetworks, s: int, cost: Floats, charge: Floats, w: Work) -> int:
    """Fill the work arrays with the arcs of item `s` that can earn more than their charge; returns how many."""
    count = 0
    for a in range(net.of[ARC, s], net.of[ARC, s + 1]):
        if net.limit[a] <= 0:
            continue
        profit, packs = _stand_alone(net, a, cost[a])
        if packs <= 0 or profit <= charge[a]:
            continue
        w.i[NUMBER, count], w.f[COST, count], w.f[CHARGE, count], w.f[USEFUL, count] = a, cost[a], charge[a], packs
        w.i[DONOR, count], w.i[RECEIVER, count] = net.arc[LOSS, a] - net.of[LOSS, s], net.arc[GAIN, a] - net.of[GAIN, s]
        count += 1
    return count


@numba.njit(cache=True, error_model="numpy")
def _advance(net: ItemNetworks, s: int, w: Work) -> None:
    """Move each curve to its next segment with room; label donors with the worth of their next pack, receivers with nothing yet."""
    for i in range(net.of[LOSS, s + 1] - net.of[LOSS, s]):
        last = net.loss_start[net.of[LOSS, s] + i + 1]
        while w.i[LOSS_AT, i] < last and w.f[LOSS_USED, i] >= net.loss[WIDTH, w.i[LOSS_AT, i]]:
            w.i[LOSS_AT, i], w.f[LOSS_USED, i] = w.i[LOSS_AT, i] + 1, 0.0
        w.f[TO_DONOR, i] = net.loss[VALUE, w.i[LOSS_AT, i]] if w.i[LOSS_AT, i] < last else NOTHING
        w.i[DONOR_BY, i] = -1
    for j in range(net.of[GAIN, s + 1] - net.of[GAIN, s]):
        last = net.gain_start[net.of[GAIN, s] + j + 1]
        while w.i[GAIN_AT, j] < last and w.f[GAIN_USED, j] >= net.gain[WIDTH, w.i[GAIN_AT, j]]:
            w.i[GAIN_AT, j], w.f[GAIN_USED, j] = w.i[GAIN_AT, j] + 1, 0.0
        w.f[TO_RECEIVER, j] = NOTHING


@numba.njit(cache=True, error_model="numpy")
def _spread(count: int, w: Work) -> None:
    """Dearest paths to every donor and receiver over arcs with room and back over arcs that carry packs (Bellman-Ford)."""
    changed, rounds = True, 0
    while changed:
        changed, rounds = False, rounds + 1
        if rounds > LONGEST_PATH:
            raise RuntimeError("dearest paths of an item do not settle; report the problem")
        for x in range(count):
            i, j, price = w.i[DONOR, x], w.i[RECEIVER, x], w.f[PRICE, x]
            onward, back = w.f[TO_DONOR, i] - price, w.f[TO_RECEIVER, j] + price
            if w.f[PACKS, x] < w.f[ROOM, x] and w.f[TO_DONOR, i] > NOTHING and onward > w.f[TO_RECEIVER, j] + NOISE:
                w.f[TO_RECEIVER, j], w.i[RECEIVER_BY, j], changed = onward, x, True
                back = w.f[TO_RECEIVER, j] + price
            if w.f[PACKS, x] > 0 and w.f[TO_RECEIVER, j] > NOTHING and back > w.f[TO_DONOR, i] + NOISE:
                w.f[TO_DONOR, i], w.i[DONOR_BY, i], changed = back, x, True


@numba.njit(cache=True, error_model="numpy")
def _send(net: ItemNetworks, last: int, w: Work) -> float:
    """Send what fits along the labelled path that ends at receiver `last`; returns the packs."""
    packs, j, steps = net.gain[WIDTH, w.i[GAIN_AT, last]] - w.f[GAIN_USED, last], last, 0
    while True:
        steps += 1
        if steps > LONGEST_PATH:
            raise RuntimeError("a path of an item runs in a circle; report the problem")
        x = w.i[RECEIVER_BY, j]
        i = w.i[DONOR, x]
        packs = min(packs, w.f[ROOM, x] - w.f[PACKS, x])
        if w.i[DONOR_BY, i] < 0:
            packs = min(packs, net.loss[WIDTH, w.i[LOSS_AT, i]] - w.f[LOSS_USED, i])
            break
        packs, j = min(packs, w.f[PACKS, w.i[DONOR_BY, i]]), w.i[RECEIVER, w.i[DONOR_BY, i]]
    j = last
    w.f[GAIN_USED, last] += packs
    while True:
        x = w.i[RECEIVER_BY, j]
        i = w.i[DONOR, x]
        w.f[PACKS, x] += packs
        if w.i[DONOR_BY, i] < 0:
            w.f[LOSS_USED, i] += packs
            return packs
        w.f[PACKS, w.i[DONOR_BY, i]] -= packs
        j = w.i[RECEIVER, w.i[DONOR_BY, i]]


@numba.njit(cache=True, error_model="numpy")
def _flow(net: ItemNetworks, s: int, count: int, w: Work) -> float:
    """Best flow at PRICE a pack within ROOM; fills PACKS, returns the profit."""
    w.f[PACKS, :count] = 0.0
    for i in range(net.of[LOSS, s + 1] - net.of[LOSS, s]):
        w.i[LOSS_AT, i], w.f[LOSS_USED, i] = net.loss_start[net.of[LOSS, s] + i], 0.0
    receivers = net.of[GAIN, s + 1] - net.of[GAIN, s]
    for j in range(receivers):
        w.i[GAIN_AT, j], w.f[GAIN_USED, j] = net.gain_start[net.of[GAIN, s] + j], 0.0
    profit = 0.0
    for _ in range(MOST_PATHS):
        _advance(net, s, w)
        _spread(count, w)
        best, last = LEAST, -1
        for j in range(receivers):
            if w.f[TO_RECEIVER, j] > NOTHING and w.i[GAIN_AT, j] < net.gain_start[net.of[GAIN, s] + j + 1]:
                worth = w.f[TO_RECEIVER, j] + net.gain[VALUE, w.i[GAIN_AT, j]]
                if worth > best:
                    best, last = worth, j
        if last < 0:
            return profit
        profit += best * _send(net, last, w)
    raise RuntimeError("an item takes more paths than it can have; report the problem")


@numba.njit(cache=True, error_model="numpy")
def _relax(count: int, row: int, w: Work) -> float:
    """Prices and room of one node of the search: charges of free arcs spread over their useful packs, of open arcs paid; returns those."""
    paid = 0.0
    for x in range(count):
        state = w.state[row, x]
        w.f[ROOM, x] = 0.0 if state == SHUT else w.f[USEFUL, x]
        w.f[PRICE, x] = w.f[COST, x] + (w.f[CHARGE, x] / w.f[USEFUL, x] if state == FREE else 0.0)
        if state == OPEN:
            paid += w.f[CHARGE, x]
    return paid


@numba.njit(cache=True, error_model="numpy")
def _true_profit(count: int, row: int, bound: float, w: Work) -> tuple[float, int]:
    """What the node's flow earns when charges are paid in full, and the free arc whose charge was spread thinnest (-1: none)."""
    profit, arc, most = bound, -1, LEAST
    for x in range(count):
        if w.state[row, x] == FREE and w.f[PACKS, x] > 0:
            missing = w.f[CHARGE, x] * (1 - w.f[PACKS, x] / w.f[USEFUL, x])
            profit -= missing
            if missing > most:
                most, arc = missing, x
        elif w.state[row, x] == OPEN and w.f[PACKS, x] <= 0:
            profit += w.f[CHARGE, x]
    return profit, arc


@numba.njit(cache=True, error_model="numpy")
def _best_with_charges(net: ItemNetworks, s: int, count: int, nodes: int, w: Work) -> tuple[float, float]:
    """Best profit found (its packs in BEST), and what no flow exceeds: higher only if the search ended at `nodes`."""
    best, above, top, seen = 0.0, 0.0, 1, 0
    w.f[BEST, :count] = 0.0
    w.state[0, :count] = FREE
    w.f[PROMISE, 0] = -NOTHING
    while top > 0:
        top -= 1
        if w.f[PROMISE, top] <= best + LEAST:
            continue
        if seen >= nodes:
            above = max(above, w.f[PROMISE, top])
            continue
        seen += 1
        paid = _relax(count, top, w)
        bound = _flow(net, s, count, w) - paid
        if bound <= best + LEAST:
            continue
        profit, arc = _true_profit(count, top, bound, w)
        if profit > best:
            best = profit
            w.f[BEST, :count] = w.f[PACKS, :count]
        if arc >= 0:
            w.state[top + 1, :count] = w.state[top, :count]
            w.state[top, arc], w.state[top + 1, arc] = SHUT, OPEN
            w.f[PROMISE, top] = w.f[PROMISE, top + 1] = bound
            top += 2
    return best, max(best, above)


@numba.njit(cache=True, error_model="numpy", nogil=True)
def price_items(net: ItemNetworks, items: Ints, cost: Floats, charge: Floats, nodes: int, w: Work, packs: Floats, worth: Floats) -> float:
    """Solve every item of `items`: fills `packs` (by arc, whole) and `worth` (by item, what no flow of it exceeds, charges paid).

    max sum of gains and losses - sum cost_a n_a - sum charge_a [n_a > 0], USD; `nodes` limits the search of one item. Returns the
    profit of the packs found, which is the sum of `worth` unless a search ended early.
    """
    total = 0.0
    for s in items:
        packs[net.of[ARC, s] : net.of[ARC, s + 1]] = 0.0
        count = _choose_arcs(net, s, cost, charge, w)
        worth[s] = 0.0
        if count:
            best, worth[s] = _best_with_charges(net, s, count, nodes, w)
            total += best
            for x in range(count):
                packs[w.i[NUMBER, x]] = w.f[BEST, x]
    return total
