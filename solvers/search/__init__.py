"""How level sets are searched: along orbits, within the level set, through null spaces."""
