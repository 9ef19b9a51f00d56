"""Azure SQL, and SQLite in its place on a developer's machine: one set of tables, statements and migrations."""
