"""What a teleport makes large or small: the targets, each with its gradient."""
