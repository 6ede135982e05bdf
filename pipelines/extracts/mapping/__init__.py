"""Layouts applied: source cells to canonical text. Whether that text keeps the contract is judged in `checking`."""
