"""Demand in files of a person's own, for the stand-alone forecast: the demand file and what lies beside it. Feeds are the other rooms'."""
