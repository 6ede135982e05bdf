"""A first layout for a file of an unknown system, guessed with evidence. Only drafts guess; nothing lands here."""
