"""Files that people attach: their content is what their type says, and no other type is taken.

Nothing is unpacked or drawn, and downloads are attachments that a browser does not open as pages.
"""

import codecs
import re

from app.errors import Unreadable

PDF, PNG, JPEG, WEBP, ZIP = "application/pdf", "image/png", "image/jpeg", "image/webp", "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXTS = ("text/plain", "text/csv", "text/markdown", "application/json")
# How files of these types begin.
SIGNATURES: dict[str, re.Pattern[bytes]] = {
    PDF: re.compile(rb"%PDF-\d\.\d"),
    PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    JPEG: re.compile(rb"\xff\xd8\xff"),
    WEBP: re.compile(rb"RIFF....WEBP", re.DOTALL),
    ZIP: re.compile(rb"PK(\x03\x04|\x05\x06)"),
    XLSX: re.compile(rb"PK\x03\x04"),
    DOCX: re.compile(rb"PK\x03\x04"),
}
# What files of these types have in their list of contents.
PARTS = {XLSX: b"xl/workbook.xml", DOCX: b"word/document.xml"}
MEDIA_TYPES = (*SIGNATURES, *TEXTS)
# Texts have no other controls than tabs, ends of lines and pages.
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def check(content: bytes, media_type: str) -> None:
    """Passes if the content is of this type; Unreadable otherwise."""
    if media_type in TEXTS:
        _check_text(content, media_type)
        return
    signature = SIGNATURES.get(media_type)
    if signature is None or not signature.match(content) or PARTS.get(media_type, b"") not in content:
        raise Unreadable(f"The content of this file is not {media_type}. Give its own type.")


def _check_text(content: bytes, media_type: str) -> None:
    text = content.removeprefix(codecs.BOM_UTF8)
    if CONTROLS.search(text):
        raise Unreadable(f"The content of this file is not {media_type}. Give its own type.")
    try:
        text.decode()
    except UnicodeDecodeError:
        raise Unreadable("Write texts in UTF-8.") from None
