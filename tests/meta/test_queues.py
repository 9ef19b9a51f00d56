"""Whatever is queued has somebody who takes it."""

import re

import function_app
from devhost.functions import functions_of
from domain.kernel.mail import MAIL_QUEUE
from domain.kernel.people import PROJECTIONS
from domain.kernel.sessions import SESSIONS

CONSUMED = {
    function.trigger["queueName"] for function in functions_of(function_app.app) if function.kind == "queueTrigger"
}


def test_the_queues_that_features_share_are_consumed() -> None:
    assert {MAIL_QUEUE, PROJECTIONS, SESSIONS} <= CONSUMED


def test_queue_names_are_what_the_service_takes() -> None:
    for name in CONSUMED:
        assert re.fullmatch(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,54}[a-z0-9]", name), name  # 63, less "-poison"
