"""Keep kinds as text"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# As they were when the database last listed them.
LISTED = {
    ("jobs", "jobkind"): (
        "FETCH_LABELS",
        "IMPORT_LABELS",
        "FETCH_FEEDBACK_LABELS",
        "TRAIN",
        "PREDICT",
        "REMOVE_TRAINING",
        "REMOVE_PREDICTION",
        "REMOVE_PICTURE",
        "CONFLATE",
        "SEND_MAIL",
        "EXPORT_DATA",
        "INSPECT",
    ),
    ("user_notifications", "notificationkind"): (
        "WORK",
        "TEAM",
        "ACCOUNT",
        "REPLY",
        "MENTION",
        "FRIEND_REQUEST",
        "FRIENDSHIP",
        "MESSAGE",
        "MODERATION",
    ),
    ("mails", "mailkind"): (
        "SIGN_UP",
        "EMAIL_VERIFICATION",
        "EMAIL_CHANGED",
        "PASSWORD_RESET",
        "PASSWORD_CHANGED",
        "ACCOUNT_DELETION",
        "DATA_EXPORT",
        "NOTIFICATIONS",
    ),
}


def upgrade() -> None:
    for table, name in LISTED:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)


def downgrade() -> None:
    for (table, name), listed in LISTED.items():
        # A column belongs to one table: each has its own.
        kind = sa.column("kind")
        # The older version cannot read rows of other kinds.
        op.execute(sa.delete(sa.table(table, kind)).where(kind.not_in(listed)))
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, sa.column("kind").in_(listed))
