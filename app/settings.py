"""Every knob and every limit, read once from the environment.

A name below is set by the variable of the same name in capitals behind `FIELDGRAPH_`; the four that other tools
share (`DATABASE_URL`, `REDIS_URL`, `PORT`, `FIELDGRAPH_HOME`) have no second prefix. A base model's limits are set by
`FIELDGRAPH_RAMP__EPOCHS_MAX` and their like.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.setting_kinds import BaseModelLimits, Hosts, Listed, Proxies

MIB = 1024 * 1024


class Settings(BaseSettings):
    """One value each, with its unit last in its name."""

    model_config = SettingsConfigDict(
        env_prefix="FIELDGRAPH_", env_nested_delimiter="__", nested_model_default_partial_update=True, extra="ignore"
    )

    # Where things are
    home: Path = Path(".fieldgraph")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, validation_alias="PORT", ge=1, le=65535)
    public_url: str | None = None
    app_url: str | None = None
    connections_max: int = 5_000
    connections_per_address_max: int = 500
    requests_per_address_at_once_max: int = 200
    storage_url: str | None = None
    storage_s_max: float = 120
    storage_silence_s_max: float = 5
    secret: SecretStr = SecretStr("")
    secret_previous: SecretStr = SecretStr("")
    trusted_proxies: Proxies | None = None
    forwarded_header: Literal["X-Forwarded", "Forwarded"] = "X-Forwarded"
    metrics_token: SecretStr = SecretStr("")
    production: bool = False
    demo: bool = False

    # PostgreSQL
    database_pool: int = 10
    database_pool_wait_s: float = 3
    database_connect_s_max: int = 5
    reader_connections: int = 10
    reader_statements_max: int = 500
    statement_s_max: float = 5
    database_silence_s_max: float = 2
    lock_s_max: float = 2
    transaction_idle_s_max: float = 10
    commit_s_max: float = 5
    aside_s_max: float = 5
    aside_max: int = 10_000

    # Redis, and what runs in the background
    redis_s_max: float = 2
    background_silence_s_max: float = 5
    background_pause_s_max: float = 5

    # A GraphQL request
    # A mutation may declare more for its requests: one with a shape, one with many labels.
    request_bytes_max: int = 65_536
    shape_request_bytes_max: int = MIB
    labels_request_bytes_max: int = 10 * MIB
    request_values_max: int = 20_000
    text_length_max: int = 10_000
    list_length_max: int = 1_000
    request_head_bytes_max: int = 65_536
    request_head_s_max: float = 10
    body_grace_s: float = 10
    body_bytes_per_s_min: int = 4_000
    response_stall_s_max: float = 30
    request_depth_max: int = 64
    request_containers_max: int = 1_000_000
    request_s_max: float = 15
    cors_origins: Hosts = []
    stream_heartbeat_s: float = 12
    document_characters_max: int = 60_000
    operation_name_length_max: int = 1_000
    document_tokens_max: int = 5_000
    document_depth_max: int = 16
    document_aliases_max: int = 100
    document_repeats_max: int = 200
    document_directives_max: int = 100
    document_definitions_max: int = 100
    document_variables_max: int = 100
    document_cost_max: int = 20_000
    accounts_per_address_factor: int = 2
    viewer_cost_per_minute_max: int = 400_000
    idempotency_keys_kept_hours: int = 24
    idempotency_keys_per_viewer_max: int = 20_000
    address_cost_per_minute_max: int = 800_000
    documents_cached_max: int = 500
    page_size: int = 25
    page_size_max: int = 100
    labels_page_size_max: int = 1_000
    nodes_max: int = 100

    # A WebSocket
    socket_message_bytes_max: int = 65_536
    socket_init_s_max: float = 10
    socket_ping_s: float = 20
    socket_silence_s_max: float = 60
    socket_send_s_max: float = 10
    socket_token_check_s: float = 30
    socket_subscriptions_max: int = 50
    socket_outbox_events_max: int = 256
    socket_outbox_bytes_max: int = 4 * MIB
    sockets_per_address_max: int = 100
    replay_events_max: int = 5_000
    subscription_outage_s_max: float = 600

    # Accounts
    password_length_min: int = 10
    password_length_max: int = 200
    password_hashes_at_once: int = 2
    session_days: int = 30
    client_length_max: int = 200
    osm_url: str = "https://www.openstreetmap.org"
    osm_client_id: str | None = None
    osm_client_secret: SecretStr = SecretStr("")
    osm_redirect_uris: Listed = []
    osm_authorization_s: int = 600
    osm_account_s_max: float = 10
    osm_account_bytes_max: int = MIB // 4
    osm_sign_ins_per_minute_max: int = 10
    api_keys_max: int = 50
    api_key_days_max: int = 366
    api_keys_per_hour_max: int = 20
    viewer_cache_s: float = 5
    viewers_cached_max: int = 10_000
    sign_ins_per_minute_max: int = 10
    sign_ins_per_address_and_minute_max: int = 100
    sign_ins_elsewhere_per_hour_max: int = 100
    sign_in_addresses_known_days: int = 90
    sign_ups_per_hour_max: int = 50
    sign_up_requests_per_hour_max: int = 50
    sign_up_link_minutes: int = 24 * 60
    password_reset_requests_per_hour_max: int = 50
    password_resets_per_hour_max: int = 50
    password_reset_link_minutes: int = 60
    password_changes_per_hour_max: int = 10
    email_verification_requests_per_hour_max: int = 10
    email_verifications_per_hour_max: int = 50
    email_verification_link_minutes: int = 24 * 60
    mails_to_one_address_per_hour_max: int = 5
    data_exports_per_day_max: int = 3
    data_exports_kept_days: int = 7
    account_deletion_days: int = Field(default=14, ge=1)
    name_length_max: int = 50
    bio_length_max: int = 500
    location_length_max: int = 100
    website_length_max: int = 200
    avatar_bytes_max: int = 5 * MIB
    avatar_pixels_max: int = 25_000_000
    pictures_drawn_at_once: int = 1
    picture_side_max: int = 30_000
    picture_cpu_s_max: float = 10
    description_length_max: int = 4_000
    note_length_max: int = 500

    # Teams
    team_name_length_max: int = 200
    teams_per_admin_max: int = 50
    team_members_max: int = 200
    team_invitations_max: int = 20
    team_invitation_days_max: int = 30
    team_invitation_uses_max: int = 100
    team_invitations_per_hour_max: int = 50
    team_acceptances_per_hour_max: int = 50

    # Social
    friend_requests_per_hour_max: int = 50
    friend_requests_pending_max: int = 200
    friend_suggestions_max: int = 50
    kept_away_max: int = 1_000
    mute_hours_max: int = 24 * 365
    reports_per_hour_max: int = 20
    evidence_length_max: int = 6_000
    resolution_length_max: int = 400
    message_length_max: int = 5_000
    messages_per_minute_max: int = 60
    post_length_max: int = 500
    posts_per_minute_max: int = 20
    counters_batch_rows: int = Field(default=1_000, ge=1)
    typing_per_minute_max: int = 60
    searches_per_minute_max: int = 60
    search_length_max: int = 200
    posts_ranked_max: int = 200
    hashtag_uses_counted_max: int = 1_000
    hashtags_popular_max: int = 50
    typing_s: int = 6
    alt_text_length_max: int = 1_000
    picture_bytes_max: int = 10 * MIB
    picture_pixels_max: int = 50_000_000
    hashtags_max: int = 30
    hashtag_length_max: int = 100
    mentions_max: int = 20

    # Mail
    smtp_url: SecretStr | None = None
    smtp_s_max: float = 20
    smtp_mail_s_max: float = 60
    mail_attempts_max: int = 8
    mails_kept_days: int = 7
    mail_from: str = "Fieldgraph <fieldgraph@localhost>"

    # Notifications
    notification_settle_s: float = 60
    notification_mail_minutes: float = 60
    notification_things_max: int = 100
    notifications_per_mail_max: int = 20
    notifications_read_kept_days: float = 90
    digests_at_once: int = 100
    # Where people find a thing, such as https://app.example.org/{type}/{id}
    thing_url: str | None = None

    # Announcements and errors
    banner_length_max: int = 500
    log_kept_level: Literal["ERROR", "CRITICAL"] = "ERROR"
    log_kept_days: float = 30
    log_waiting_max: int = 200
    log_write_s: float = 1
    log_text_length_max: int = 20_000

    # Files
    upload_bytes_max: int = 200 * MIB
    upload_s_max: float = 900
    uploads_per_hour_max: int = 120
    upload_bytes_per_hour_max: int = 1_024 * MIB
    upload_bytes_per_day_max: int = 4 * 1_024 * MIB
    disk_free_bytes_min: int = 512 * MIB
    uploads_kept_hours: float = 24
    file_link_s: int = 3_600
    file_chunk_bytes: int = MIB // 4

    # Reading what comes from outside
    parsers_at_once: int = 4
    parser_memory_bytes_max: int = 512 * MIB
    parser_cpu_s_max: float = 30
    parser_file_cpu_s_max: float = 600
    parser_start_s_max: float = 60
    parser_idle_s: float = 30
    parser_result_bytes_max: int = 256 * MIB
    parser_depth_max: int = 64
    parser_token_bytes_max: int = MIB
    parser_number_digits_max: int = 1_000
    parser_item_bytes_max: int = 8 * MIB
    parser_members_max: int = 100_000
    archive_files_max: int = 1_000
    archive_ratio_max: int = 200

    # Shapes and labels
    vertices_max: int = 10_000
    repair_vertices_max: int = 100
    repairs_per_upload_max: int = 100
    aoi_area_m2_min: float = 100
    aoi_area_m2_max: float = 5_000_000
    prediction_area_m2_max: float = 100_000_000
    labels_per_upload_max: int = 20_000
    labels_per_dataset_max: int = 100_000
    label_file_bytes_max: int = 200 * MIB
    aois_per_dataset_max: int = 500
    feedbacks_per_training_max: int = 10_000
    feedback_aois_per_training_max: int = 200
    feedback_labels_per_area_max: int = 20_000
    approved_predictions_per_training_max: int = 100_000
    feedback_comments_length_max: int = 100
    feedback_zoom_min: int = 18
    feedback_zoom_max: int = 23
    offset_m_max: float = 1_000

    exports_at_once: int = 2
    export_s_max: float = 300

    # Maps
    tile_zoom_max: int = 22
    tile_features_max: int = 10_000
    tile_cache_s: int = 60
    tiles_per_minute_max: int = 3_000
    archive_zoom_min: int = 7
    archive_zoom_max: int = 18
    map_points_max: int = 10_000
    statistics_cache_s: float = 60
    thumbnail_cache_s: int = 86_400
    thumbnail_failure_s: int = 60

    # The world outside
    outside_hosts_allowed: Hosts = []
    outside_connect_s_max: float = 5
    outside_redirects_max: int = 5
    outside_retry_s: float = 0.25
    url_length_max: int = 200
    osm_features_url: str | None = "https://api-prod.raw-data.hotosm.org/v1"
    osm_overpass_url: str | None = None
    osm_plain_area_m2_max: float = 10_000_000
    osm_reply_bytes_max: int = 64 * MIB
    osm_task_bytes_max: int = MIB // 4
    osm_unpacked_bytes_max: int = 256 * MIB
    osm_s_max: float = 60
    osm_snapshot_s_max: float = 900
    osm_poll_s: float = 2
    osm_poll_s_max: float = 15
    osm_tries_max: int = 3
    osm_features_max: int = 50_000
    osm_tags_max: int = 10
    osm_tag_values_max: int = 50
    imagery_connections: int = 8
    imagery_tries_max: int = 3
    imagery_failures_at_first_max: int = 8
    imagery_s_max: float = 10
    imagery_reply_bytes_max: int = 2 * MIB
    imagery_tilejson_bytes_max: int = MIB // 4
    imagery_missing_share_max: float = 0.5
    imagery_cache_bytes_max: int = 1_024 * MIB
    tiles_per_job_max: int = 5_000

    # Jobs
    job_lease_s: float = 10
    job_statement_s_max: float = 60
    job_attempts_max: int = 3
    job_poll_s: float = 1
    job_deaths_max: int = 6
    job_setbacks_max: int = 24
    job_pause_s: float = 2
    job_pause_s_max: float = 300
    jobs_kept_days: float = 30
    prune_rows_max: int = Field(default=2_000, ge=1)
    prune_pause_s: float = 0.01
    housekeeping_s_max: float = 600
    job_sweep_s: float = 2
    job_quick_at_once: int = Field(default=2, ge=1)
    job_slow_at_once: int = Field(default=4, ge=1)
    job_heavy_at_once: int = Field(default=1, ge=1)
    job_progress_s: float = 0.5
    jobs_per_hour_max: int = 120
    shutdown_s: float = 20
    shutdown_notice_s: float = 0
    events_kept_days: int = 7
    event_lag_s_max: float = 5

    # Learning
    ramp: BaseModelLimits = BaseModelLimits(epochs_max=40)
    yolo_v8_v1: BaseModelLimits = BaseModelLimits(epochs_max=200)
    yolo_v8_v2: BaseModelLimits = BaseModelLimits(epochs_max=200)
    training_views_per_epoch_min: int = 128
    training_views_per_epoch_max: int = 1_600
    training_contact_spacing_max: int = 20
    training_boundary_width_max: int = 10
    training_zoom_min: int = 18
    training_zoom_max: int = 21
    training_s_max: float = 6 * 3_600
    training_checkpoint_s: float = 10
    compiled_bytes_max: int = 256 * MIB
    training_memory_bytes_max: int = 8 * 1_024 * MIB
    prediction_zoom_min: int = 18
    prediction_zoom_max: int = 22
    prediction_part_tiles_max: int = 1_024
    prediction_parts_max: int = 100
    prediction_features_max: int = 200_000
    prediction_seam_share_min: float = 0.2
    conflation_duplicate_share_min: float = 0.5
    conflation_overlap_share_min: float = 0.05
    verdicts_at_once_max: int = 1_000
    feedback_training_epochs_max: int = 20
    feedback_training_batch_max: int = 8
    feedback_training_zoom_min: int = 19
    feedback_training_zoom_max: int = 21
    trainings_per_hour_max: int = 20
    predictions_per_hour_max: int = 50
    inspections_per_hour_max: int = 30
    inspection_s_max: float = 600
    trainings_compared_max: int = 20
    artifacts_kept_days: int = 180
    queue_jobs_remembered_max: int = 20
    quality_area_m2_min: float = 5_800
    quality_area_m2_max: float = 1_000_000
    quality_shift_m_min: float = 1

    @property
    def address(self) -> str:
        """Where people find this installation, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


settings = Settings()
# What may be told to children that know nothing else of us.
NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if field.annotation in {int, float} and field.validation_alias is None
]
