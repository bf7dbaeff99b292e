"""Notify of actions in one statement"""

from alembic import op

revision = "0072"
down_revision = "0070"
branch_labels = None
depends_on = None

# Each step sees what was committed before it: of two actions at once, the second waits for the notification of the
# first and is counted with it. One statement with several parts would see all of its tables as they were at its start.
NOTIFY_OF_ACTION = """
CREATE FUNCTION notify_of_action(
    receiver_id bigint, doer_id bigint, kind_of text, group_of text, type_of text, key_of bigint, sentences text[],
    keys_max integer
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    receiver users;
    told_id bigint;
    is_new boolean;
BEGIN
    SELECT * INTO receiver FROM users WHERE id = receiver_id AND NOT kind_of = ANY (notifications_declined);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO user_notifications (user_id, kind, message, is_read, group_key, actors_count, mail_due, subject_type)
        VALUES (receiver_id, kind_of, '', false, group_of, 0, false, type_of)
        ON CONFLICT (user_id, group_key) WHERE NOT is_read DO UPDATE SET told_at = now()
        RETURNING id INTO told_id;
    INSERT INTO notification_actors AS actor (notification_id, user_id, subject_keys)
        VALUES (told_id, doer_id, ARRAY[key_of])
        ON CONFLICT (notification_id, user_id) DO UPDATE SET told_at = now(), subject_keys =
            (actor.subject_keys || key_of)[greatest(cardinality(actor.subject_keys) + 2 - keys_max, 1):]
        RETURNING xmax = 0 INTO is_new;
    UPDATE user_notifications AS told SET
        actor_id = doer_id,
        subject_key = key_of,
        actors_count = actors_count + is_new::integer,
        message = format(
            sentences[least(actors_count + is_new::integer, 3)], doer.username, actors_count + is_new::integer - 1
        ),
        mail_due = mail_due OR (is_new AND 'EMAIL' = ANY (receiver.notifications_delivery_methods))
        FROM users AS doer WHERE told.id = told_id AND doer.id = doer_id;
    RETURN CASE WHEN 'WEB' = ANY (receiver.notifications_delivery_methods) THEN told_id END;
END
$$
"""


def upgrade() -> None:
    op.execute(NOTIFY_OF_ACTION)


def downgrade() -> None:
    op.execute("DROP FUNCTION notify_of_action")
