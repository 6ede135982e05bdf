"""Steps that bring a ledger's tables up to date, in order. Applied by `pipelines.store.ledger_migration`; the tables as they
are now are in `pipelines.store.ledger_tables`.
"""
