"""The document store (`domain/kernel/documents.py`) made real: SQLite in one process, Cosmos DB for many."""
