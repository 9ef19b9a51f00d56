"""Proofs that a person, not a machine, filled in a form."""
