"""Which lines the policy may approve by itself, and which decisions follow. Pure: storing them is the ledger's business."""
