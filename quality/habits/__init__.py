"""A feed against its own past: values, columns, numbering, repeats and master data. Other feeds are `reconciliation`'s."""
