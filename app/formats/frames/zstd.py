"""One zstd frame, unpacked piece by piece within bounds: whatever a header declares, nothing is allocated by it."""

from typing import IO

import zstandard

from app.formats.frames.codes import FramesCode
from app.formats.frames.samples import BYTES_MAX, COMPRESSED_BYTES_MAX, WINDOW_BYTES_MAX, refuse

# A block of 4 bytes may unpack to 128 KiB: this much at once unpacks to 8 MiB at most.
PIECE_BYTES = 256
HEADER_BYTES = 18
READ_BYTES = 65_536


class BoundedReader:
    """The unpacked bytes of a file with one zstd frame; refuses what is larger, longer or cut off."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacked = bytearray()
        self._packed = b""
        self._place = 0
        self._packed_total = self.total = 0
        self._unpacker = _opened(file)

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end of a whole frame."""
        while not self._unpacked and not self._unpacker.eof:
            piece = self._next_piece()
            if not piece:
                raise refuse(FramesCode.TRUNCATED, "The file ends in the middle of its zstd frame.")
            self._take(piece)
        content = bytes(self._unpacked[:size])
        del self._unpacked[:size]
        return content

    def finish(self) -> None:
        """Passes if nothing follows the frame."""
        if self._unpacker.unused_data or self._place < len(self._packed) or self._file.read(1):
            raise refuse(FramesCode.TRAILING_BYTES, "Bytes follow the zstd frame. Send exactly one frame.")

    def _next_piece(self) -> bytes:
        if self._place >= len(self._packed):
            self._packed, self._place = self._file.read(READ_BYTES), 0
            self._packed_total += len(self._packed)
            if self._packed_total > COMPRESSED_BYTES_MAX:
                raise refuse(
                    FramesCode.TOO_MANY_COMPRESSED_BYTES, f"The file is larger than {COMPRESSED_BYTES_MAX:,} bytes."
                )
        piece = self._packed[self._place : self._place + PIECE_BYTES]
        self._place += len(piece)
        return piece

    def _take(self, piece: bytes) -> None:
        try:
            unpacked = self._unpacker.decompress(piece)
        except zstandard.ZstdError as error:
            raise _broken(error) from None
        self.total += len(unpacked)
        if self.total > BYTES_MAX:
            raise _too_large()
        self._unpacked += unpacked


def _opened(file: IO[bytes]) -> "zstandard.ZstdDecompressionObj":
    start = file.read(HEADER_BYTES)
    file.seek(0)
    try:
        if zstandard.frame_content_size(start) > BYTES_MAX:
            raise _too_large()
        if zstandard.get_frame_parameters(start).window_size > max(WINDOW_BYTES_MAX, 0):
            raise refuse(
                FramesCode.WINDOW_TOO_LARGE,
                f"The zstd window is larger than {WINDOW_BYTES_MAX:,} bytes. Use level 19 or less.",
            )
    except zstandard.ZstdError:
        raise refuse(FramesCode.NOT_ZSTD, "This is not a zstd frame.") from None
    return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompressobj()


def _too_large() -> Exception:
    return refuse(FramesCode.TOO_MANY_BYTES, f"The payload unpacks to more than {BYTES_MAX:,} bytes.")


def _broken(error: zstandard.ZstdError) -> Exception:
    if "memory" in str(error):
        return refuse(FramesCode.WINDOW_TOO_LARGE, f"The zstd window is larger than {WINDOW_BYTES_MAX:,} bytes.")
    return refuse(FramesCode.NOT_ZSTD, "The zstd frame is broken.")
