"""Bytes to records of text cells, whatever the file looks like. What a column means is not known here."""
