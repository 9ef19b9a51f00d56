"""One function an endpoint; importing them fills `SCENARIOS`."""

from tests.costs.scenarios import auth, chat, courses, files, forms, moderation, operations, users

__all__ = ["auth", "chat", "courses", "files", "forms", "moderation", "operations", "users"]
