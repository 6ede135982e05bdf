"""How a source system's file becomes a feed, declared: layouts as values, their YAML and its schema. Applying them is `mapping`."""
