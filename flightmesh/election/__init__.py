"""Leader election over the registry."""
