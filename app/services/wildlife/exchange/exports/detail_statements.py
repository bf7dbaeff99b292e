"""Our own tables of a package: what deployments and media have beyond the columns of Camtrap DP.

Of sensitive places they say nothing that people write; nothing in them comes from the files but numbers and the camera.
"""

from app.services.wildlife.exchange.exports import disclosure
from app.services.wildlife.exchange.exports.disclosure import HIDDEN

DEPLOYMENTS = f"""
SELECT {disclosure.DEPLOYMENT_ID} AS "deploymentID", jsonb_build_object('starts_at', deployment.starts_at,
    'ends_at', deployment.ends_at, 'utc_offset_minutes', deployment.utc_offset_minutes,
    'correct_setup', deployment.correct_setup, 'correct_tstamp', deployment.correct_tstamp,
    'clock_correction_s', deployment.clock_correction_s, 'clock_corrected_at', deployment.clock_corrected_at,
    'sequence_gap_s', deployment.sequence_gap_s, 'failures', coalesce((
        SELECT jsonb_agg(jsonb_build_object('starts_at', failure.starts_at, 'ends_at', failure.ends_at,
            'reason', CASE WHEN {HIDDEN} THEN 'not told' ELSE failure.reason END) ORDER BY failure.starts_at)
        FROM deployment_failures AS failure WHERE failure.deployment_id = deployment.id), '[]'))
    || CASE WHEN {HIDDEN} THEN jsonb_build_object('location', jsonb_build_object('timezone', location.timezone,
        'ignore_dst', location.ignore_dst)) ELSE
    jsonb_build_object('deployment_code', deployment.deployment_code, 'view_quality', deployment.view_quality,
        'bait_type', deployment.bait_type, 'habitat', deployment.habitat, 'session', deployment.session,
        'array', deployment.array, 'deployment_groups', deployment.deployment_groups,
        'deployment_tags', deployment.deployment_tags, 'clock_correction_note', deployment.clock_correction_note,
        'file_name_pattern', deployment.file_name_pattern, 'location', jsonb_build_object(
            'timezone', location.timezone, 'ignore_dst', location.ignore_dst, 'habitat', location.habitat,
            'description', location.description, 'is_public', location.is_public, 'country', location.country,
            'state', location.state, 'county', location.county, 'city', location.city)
        || CASE WHEN %(decimals)s >= 7 THEN jsonb_build_object('longitude', ST_X(location.point),
            'latitude', ST_Y(location.point), 'coordinate_uncertainty', location.coordinate_uncertainty)
            ELSE '{{}}' END) END AS values
FROM deployments AS deployment JOIN locations AS location ON location.id = deployment.location_id
WHERE deployment.id IN (SELECT deployment_id FROM export_finals) ORDER BY deployment.id
"""
MEDIA = """
SELECT shown.media_id AS "mediaID", jsonb_build_object('sequence', sequence.sequence_id,
    'recorded_at', resource.recorded_at, 'camera_time', resource.camera_time,
    'camera_utc_offset_minutes', resource.camera_utc_offset_minutes, 'time_source', resource.time_source,
    'resource_type', resource.resource_type, 'mime_type', resource.mime_type, 'size_bytes', resource.size_bytes,
    'width', resource.width, 'height', resource.height, 'brightness', resource.brightness, 'fps', resource.fps,
    'duration_s', resource.duration_s, 'frame_count', resource.frame_count,
    'declared_frame_count', resource.declared_frame_count, 'camera_make', resource.camera_make,
    'camera_model', resource.camera_model, 'serial_number', resource.serial_number)
    || CASE WHEN shown.is_hidden THEN '{}' ELSE jsonb_build_object('tags', resource.tags) END AS values
FROM export_finals AS shown JOIN resources AS resource ON resource.id = shown.resource_id
LEFT JOIN sequences AS sequence ON sequence.id = resource.sequence_id ORDER BY shown.final_id
"""
TABLES = {"deployment-details": [DEPLOYMENTS], "media-details": [MEDIA]}
