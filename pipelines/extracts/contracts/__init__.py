"""What each feed promises: contracts as values, their YAML, and what they mean for text. No file is read here but the contracts."""
