"""Mailers: the last step of an e-mail."""
