"""What a request or a WebSocket may send and take."""

from pydantic import BaseModel

from app.settings.kinds import Hosts
from app.settings.units import MIB


class WebSettings(BaseModel):
    """What a request or a WebSocket may send and take."""

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
    # Before a client has initialised its socket; after that, what is larger than a request may be is refused as one.
    socket_message_bytes_max: int = 65_536
    socket_refused_bytes_max: int = MIB
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
