"""Alembic's entry: on a connection handed in by `adapters.sql.schema`, or offline, as a script for Azure SQL."""

from typing import Any

from alembic import context

from adapters.sql.tables import METADATA

OPTIONS: dict[str, Any] = {"target_metadata": METADATA, "compare_type": True}

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        dialect_name="mssql",
        dialect_opts={"deprecate_large_types": True},  # NVARCHAR(max); offline nothing tells the server's version
        mssql_batch_separator="GO",
        output_buffer=context.config.output_buffer,
        **OPTIONS,
    )
else:
    context.configure(connection=connection, **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
