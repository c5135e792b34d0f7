"""What happens in a minimisation: the loop, its steps, its teleports, its checkpoints."""
