"""Which item-locations a day freezes, and what that touches. How a row was found wrong is not known here."""
