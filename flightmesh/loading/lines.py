"""Lines of a file that arrives in pieces. Bytes in, bytes out, in bounded memory."""

from typing import Final, final

# Far above any record (200 columns) or CSV row, so only a file without line ends meets it.
MAX_LINE_BYTES: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"


@final
class LineSplitter:
    """Cuts pieces of a file into lines, without their ends (LF or CRLF) and without a UTF-8 BOM.

    A line longer than MAX_LINE_BYTES is given once, cut to that length; the rest of it is dropped.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that the piece completes, in order."""
        data = self._rest + piece
        if not self._begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._rest = data
                return []
            self._begun = True
            data = data.removeprefix(_BOM)
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if self._dropping and lines:
            del lines[0]
            self._dropping = False
        elif self._dropping:
            self._rest = b""
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest[:MAX_LINE_BYTES])
            self._rest = b""
            self._dropping = True
        return [line[:MAX_LINE_BYTES].removesuffix(b"\r") for line in lines]

    def finish(self) -> list[bytes]:
        """The last line, if the file does not end in a line end. The splitter is used up."""
        rest, self._rest = self._rest, b""
        if not self._begun:
            rest = rest.removeprefix(_BOM)
        return [rest.removesuffix(b"\r")] if rest and not self._dropping else []
