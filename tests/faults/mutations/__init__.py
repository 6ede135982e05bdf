"""Mutated extracts with a known truth: operators, a clean night to set them in, and a judge. `test_mutations` counts the outcomes."""
