"""The triggers: one file per resource. Parse, one call, render; no rules, no storage."""

import azure.functions as func

from blueprints import (
    auth,
    chat,
    chat_drafts,
    chat_messages,
    chat_scheduled,
    chat_signals,
    chat_social,
    chat_sync,
    courses,
    docs,
    fallback,
    files,
    forms,
    groups,
    health,
    jobs,
    moderation,
    progress,
    push,
    realtime,
    retention,
    unsubscribing,
    users,
)
from runtime import parts
from web import correlation, edge

correlation.tag_records()
edge.use(lambda: parts.get().edge)

ALL: tuple[func.Blueprint, ...] = (
    docs.bp,
    health.bp,
    auth.bp,
    courses.bp,
    progress.bp,
    files.bp,
    forms.bp,
    users.bp,
    unsubscribing.bp,
    chat.bp,
    chat_drafts.bp,
    groups.bp,
    chat_messages.bp,
    chat_scheduled.bp,
    chat_signals.bp,
    chat_social.bp,
    moderation.bp,
    retention.bp,
    chat_sync.bp,
    push.bp,
    realtime.bp,
    jobs.bp,
    fallback.bp,
)
