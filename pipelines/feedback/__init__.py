"""What outcomes teach: lead times and yields of lanes, exposure of locations. Pure; the ledger keeps what is learned."""
