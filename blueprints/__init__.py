"""The triggers: one file per resource. Parse, one call, render; no rules, no storage."""

import azure.functions as func

from blueprints import jobs

ALL: tuple[func.Blueprint, ...] = (jobs.bp,)
