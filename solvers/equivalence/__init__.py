"""What the check of Newton equivalence is made of: the exact quadratic of a loss, its inertia, its steepest points."""
