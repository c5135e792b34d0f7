"""The entries of the catalogue of losses, by subject."""
