"""Queues: work that follows a request."""
