"""${message}.

Forward-safe: the previous release must go on working while this runs and after it. So add tables, nullable columns,
or columns with a server default; remove what nothing uses any more in a later release.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
