"""The triggers: one file per resource. Parse, one call, render; no rules, no storage."""

import azure.functions as func

ALL: tuple[func.Blueprint, ...] = ()
