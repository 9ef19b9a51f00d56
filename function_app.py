"""Builds the FunctionApp and registers the blueprints; nothing else."""

import azure.functions as func

from blueprints import ALL

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in ALL:
    app.register_functions(blueprint)
