"""What the figures of a transfer line must add up to, whatever a warehouse reports."""


def imbalance_units(out):
    """Units unaccounted for by the two identities; always zero."""
    left = out.qty_planned_units + out.qty_extra_units - out.qty_shipped_units - out.qty_cancelled_units - out.qty_waiting_units
    arrived = out.qty_received_units + out.qty_damaged_units + out.qty_short_units + out.qty_in_transit_units
    return abs(left) + abs(out.qty_shipped_units + out.qty_over_units - arrived)
