"""Sending approved lines to warehouses, and reading back what became of them. The ledger is handed in, never imported."""
