"""Accepted rows as typed Parquet, one immutable file per feed, business date and version. No gate decides here."""
