"""A bulk job of many rows through the whole local stack, and whether every row arrived exactly once."""
