"""What a Lie algebra is: invariants, ideals, real forms, names."""
