"""Nouns and rules of stock rebalancing. No I/O, no frameworks."""
