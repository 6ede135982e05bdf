"""What lies in a drop folder and whether it has all come. Nothing is landed here."""
