"""The only room that speaks SQL to marts and ledger: warehouse, publication, ledger, lease."""
