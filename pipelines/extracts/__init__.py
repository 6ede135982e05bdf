"""Bytes in: contracts of the feeds, landing, checking of text before any cast, and the typed lake. No gate and no mart."""
