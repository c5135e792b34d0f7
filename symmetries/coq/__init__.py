"""Export of proofs to Coq."""
