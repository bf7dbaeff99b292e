"""The demo's accounts and teams."""

import psycopg

from app import demo
from app.settings import settings


def test_two_teams_with_members_are_made_once(database_url, redis_url, monkeypatch, capsys):
    monkeypatch.setattr(settings, "redis_url", redis_url)
    # As `up` has it for a demo: the village's imagery is this installation's own.
    monkeypatch.setattr(settings, "outside_hosts_allowed", [f"{settings.host}:{settings.port}"])
    for _ in range(2):
        demo.accounts()
    said = capsys.readouterr().out
    assert all(email in said for email in demo.PEOPLE.values())
    members = """SELECT teams.name, admins.username, array_agg(members.username::text ORDER BY members.id)
        FROM teams JOIN users admins ON admins.id = admin_user_id
        JOIN team_memberships ON team_id = teams.id JOIN users members ON members.id = user_id
        GROUP BY teams.id, admins.id ORDER BY teams.id"""
    with psycopg.connect(settings.database_url.replace("+psycopg", "")) as connection:
        found = connection.execute(members).fetchall()
    assert found == [
        ("Village mappers", "mapper", ["mapper", "surveyor", "reviewer"]),
        ("Field survey", "surveyor", ["mapper", "surveyor"]),
    ]
