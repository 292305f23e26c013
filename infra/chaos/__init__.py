"""Messages through the whole local stack while everything fails at once, and an exact account of what became of each."""
