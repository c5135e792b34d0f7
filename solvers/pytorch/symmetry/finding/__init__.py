"""How the symmetries of a module are found: its operations are traced, and each says what it lets through."""
