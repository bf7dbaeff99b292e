"""Tell names by their looks"""

import sqlalchemy as sa
from alembic import op

from app.identifiers import is_reserved, may_be_chosen, skeleton

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BATCH = 1_000
EVENT = "username-rules"
LOOKS_ALIKE = "Your username looks like another account's, which is older. It stays yours; please choose another."
NOT_CHOSEN_TODAY = (
    "Your username could not be chosen today, as others may misread it. It stays yours; you may change it."
)

PAGE = sa.text(
    "SELECT id, username, is_staff, anonymised_at IS NULL AS is_open FROM users WHERE id > :last ORDER BY id LIMIT :most"
)
KEYS = sa.text("UPDATE users SET username_key = :key WHERE id = :id")
# The oldest account keeps the looks; a younger one has none, and its name stays.
YOUNGER = sa.text(
    "UPDATE users SET username_key = NULL FROM (SELECT id, row_number() OVER (PARTITION BY username_key ORDER BY id) "
    "FROM users) AS twin WHERE twin.id = users.id AND twin.row_number > 1 RETURNING users.id"
)
TELL = sa.text(
    "INSERT INTO user_notifications (user_id, kind, message, is_read, event_key, actors_count, mail_due) "
    "SELECT id, 'ACCOUNT', :message, false, :event, 0, false FROM users WHERE id = ANY(:ids) AND anonymised_at IS NULL "
    "ON CONFLICT (user_id, event_key) DO NOTHING"
)
# Full-width letters and the like become the plain ones, unless another account has that address.
ADDRESSES = """
UPDATE users SET email = normalize(email, NFKC) WHERE email <> normalize(email, NFKC) AND NOT EXISTS (
    SELECT FROM users AS other
    WHERE other.id <> users.id AND lower(normalize(other.email, NFKC)) = lower(normalize(users.email, NFKC))
)
"""


def upgrade() -> None:
    op.add_column("users", sa.Column("username_key", sa.Text()))
    connection, last, odd = op.get_bind(), 0, []
    while rows := connection.execute(PAGE, {"last": last, "most": BATCH}).all():
        connection.execute(KEYS, [{"id": row.id, "key": skeleton(row.username)} for row in rows])
        odd += [row.id for row in rows if row.is_open and not _may_stay(row.username, is_staff=row.is_staff)]
        last = rows[-1].id
    alike = [row.id for row in connection.execute(YOUNGER)]
    op.create_index("uq_users_username_key", "users", ["username_key"], unique=True)
    connection.execute(TELL, {"message": LOOKS_ALIKE, "event": EVENT, "ids": alike})
    connection.execute(TELL, {"message": NOT_CHOSEN_TODAY, "event": EVENT, "ids": odd})
    op.execute(ADDRESSES)


def _may_stay(username: str, *, is_staff: bool) -> bool:
    return may_be_chosen(username) or (is_staff and is_reserved(username))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM user_notifications WHERE event_key = :event").bindparams(event=EVENT))
    op.drop_index("uq_users_username_key", table_name="users")
    op.drop_column("users", "username_key")
