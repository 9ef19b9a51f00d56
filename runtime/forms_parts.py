"""The wiring of forms, each part built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.forms.desk import FormDesk
from domain.forms.notes import FormNotes
from domain.forms.ports import Challenge, FormStore
from domain.forms.retention import Retention
from domain.forms.service import Forms
from domain.forms.staff import AccountStaff
from domain.kernel.submissions import Submissions

if TYPE_CHECKING:
    from runtime.parts import Parts


class FormsParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def store(self) -> FormStore:
        from adapters.sql.forms import SqlForms

        return SqlForms(self._parts.sql)

    @cached_property
    def challenge(self) -> Challenge | None:
        service = self._parts.settings.forms.challenge
        if service is None:
            return None
        from adapters.challenge.siteverify import GUARD, Siteverify

        return Siteverify(service.verify_url, service.secret, guard=self._parts.guard("challenge", GUARD))

    async def close(self) -> None:
        challenge = vars(self).get("challenge")
        if challenge is not None:
            await challenge.close()

    @cached_property
    def service(self) -> Forms:
        return Forms(
            self.store,
            self._parts.sql_outbox,
            self._parts.files.attachments,
            self.challenge,
            self._parts.clock,
            self._parts.ids,
        )

    @cached_property
    def retention(self) -> Retention:
        return Retention(self.store, self._parts.clock, self._parts.settings.forms.origin_kept)

    @cached_property
    def desk(self) -> FormDesk:
        return FormDesk(self.store, AccountStaff(self._parts.documents), self._parts.clock, self._parts.ids)

    @cached_property
    def notes(self) -> Submissions:
        return FormNotes(self.store)
