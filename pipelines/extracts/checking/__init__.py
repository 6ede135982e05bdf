"""One file against its contract: typed rows and quarantined rows out. Nothing is kept on disk here."""
