"""Feeds against each other: stock, documents, fulfilment and held units of one day. Nothing is repaired."""
