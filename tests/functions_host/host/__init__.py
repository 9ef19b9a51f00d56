"""Plays the Azure Functions host for Microsoft's real Python worker code.  See ../README.md."""
