"""What a request or a WebSocket may send and take."""

from pydantic import BaseModel, Field

from app.settings.kinds import BYTES_MAX, INTEGER_MAX, Bytes, Count, Duration, Hosts, Level, Pause, WholeDuration
from app.settings.units import MIB


class WebSettings(BaseModel):
    """What a request or a WebSocket may send and take."""

    # A GraphQL request. A mutation may declare more for its requests: one with a shape, one with many labels.
    request_bytes_max: int = Field(default=65_536, ge=32_768, le=BYTES_MAX, description="Bytes of a request.")
    shape_request_bytes_max: Bytes = Field(
        default=MIB, description="Bytes of a request with a mutation that takes a shape."
    )
    labels_request_bytes_max: Bytes = Field(
        default=10 * MIB, description="Bytes of a request with a mutation that takes many labels."
    )
    request_values_max: Count = Field(
        default=20_000, description="JSON values in a request of usual size; a larger one may have more in proportion."
    )
    text_length_max: int = Field(
        default=10_000, ge=5_000, le=INTEGER_MAX, description="Characters of one text in a request."
    )
    list_length_max: Count = Field(default=1_000, description="Values of one list in a request.")
    request_head_bytes_max: int = Field(
        default=65_536, ge=1_024, le=INTEGER_MAX, description="Bytes of the request line and headers."
    )
    request_head_s_max: Duration = Field(default=10, description="Time to send the request line and headers.")
    body_grace_s: Duration = Field(default=10, description="Time in which a body may be sent at any rate.")
    body_bytes_per_s_min: Count = Field(
        default=4_000, description="Slowest rate of a body after that time, in bytes per second."
    )
    response_stall_s_max: Duration = Field(default=30, description="Time that a client may take nothing of a response.")
    request_depth_max: Level = Field(default=64, description="Levels of nested JSON.")
    request_containers_max: Count = Field(default=1_000_000, description="Lists and objects in a request.")
    request_s_max: Duration = Field(default=15, description="Time to execute an operation.")
    cors_origins: Hosts = Field(
        default=[], description="Origins whose pages may call the API, separated by commas; * for all."
    )
    stream_heartbeat_s: Duration = Field(default=12, description="Time between heartbeats of an event stream.")
    document_characters_max: Count = Field(default=60_000, description="Characters of a document.")
    operation_name_length_max: Count = Field(default=1_000, description="Characters of an operation name.")
    document_tokens_max: Count = Field(default=5_000, description="Tokens of a document.")
    document_depth_max: Level = Field(default=16, description="Levels of fields in an operation.")
    document_aliases_max: Count = Field(default=100, description="Aliases in a document.")
    document_repeats_max: Count = Field(default=200, description="Fields of a document that repeat another.")
    document_directives_max: Count = Field(default=100, description="Directives in a document.")
    document_definitions_max: Count = Field(default=100, description="Operations and fragments in a document.")
    document_variables_max: Count = Field(default=100, description="Variables of an operation.")
    document_cost_max: Count = Field(default=20_000, description="Points that an operation may cost.")
    accounts_per_address_factor: int = Field(
        default=2, ge=1, le=1_000, description="How many accounts' share of hourly limits one network address has."
    )
    viewer_cost_per_minute_max: Count = Field(
        default=400_000, description="Points that an account may spend in a minute."
    )
    idempotency_keys_kept_hours: int = Field(
        default=24, ge=1, le=8_760, description="How many hours outcomes with an idempotency key are kept."
    )
    idempotency_keys_per_viewer_max: Count = Field(
        default=20_000, description="Outcomes with an idempotency key that are kept for an account."
    )
    address_cost_per_minute_max: Count = Field(
        default=800_000, description="Points that a network address may spend in a minute without an account."
    )
    persisted_queries: bool = Field(
        default=True, description="Whether clients may name a document by its hash (automatic persisted queries)."
    )
    persisted_queries_max: Count = Field(default=2_000, description="Persisted queries that Redis keeps.")
    persisted_query_s: WholeDuration = Field(
        default=86_400, description="How long a persisted query is kept after it was used."
    )
    persisted_query_characters_max: Count = Field(default=20_000, description="Characters of a persisted query.")
    trusted_documents: bool = Field(
        default=False, description="Whether only operations of the manifest run; introspection needs an account then."
    )
    trusted_documents_s: Pause = Field(default=10, description="How long a process remembers the trusted documents.")
    documents_cached_max: Count = Field(default=500, description="Parsed documents and plans that a process keeps.")
    page_size: Count = Field(default=25, description="Rows on a page if the query does not say.")
    page_size_max: Count = Field(default=100, description="Rows on a page.")
    labels_page_size_max: Count = Field(default=1_000, description="Rows on a page of labels or predicted features.")
    nodes_max: Count = Field(default=100, description="Ids in one query for nodes.")

    # A WebSocket
    socket_message_bytes_max: int = Field(
        default=65_536, ge=1_024, le=BYTES_MAX, description="Bytes of one message of a WebSocket."
    )
    socket_refused_bytes_max: int = Field(
        default=MIB,
        ge=1_024,
        le=BYTES_MAX,
        description="Bytes of a message that is too large but still answered with an error.",
    )
    socket_init_s_max: Duration = Field(default=10, description="Time until a WebSocket must send connection_init.")
    socket_ping_s: Duration = Field(default=20, description="Silence after which a WebSocket is sent a ping.")
    socket_silence_s_max: Duration = Field(default=60, description="Silence after which a WebSocket is closed.")
    socket_send_s_max: Duration = Field(
        default=10, description="Time that a WebSocket may take nothing of what it is sent."
    )
    socket_token_check_s: Duration = Field(
        default=30, description="Time between checks of the token of an open WebSocket."
    )
    socket_subscriptions_max: Count = Field(default=50, description="Operations of one WebSocket at once.")
    socket_outbox_events_max: Count = Field(default=256, description="Messages that wait for one WebSocket.")
    socket_outbox_bytes_max: Bytes = Field(default=4 * MIB, description="Bytes that wait for one WebSocket.")
    sockets_per_address_max: Count = Field(
        default=100, description="WebSockets and event streams of one network address or account."
    )
    replay_events_max: Count = Field(default=5_000, description="Missed events that a subscription can catch up with.")
    subscription_outage_s_max: Duration = Field(
        default=600, description="How long subscriptions outlast an outage of the database."
    )
