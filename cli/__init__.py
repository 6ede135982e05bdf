"""The `evenstock` command. Each module is one noun; heavy imports happen inside the command that needs them."""
