"""nginx: how its whole configuration is asked for, and which members its upstreams have according to it. No IO."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Balancer
from ppsconsole.masking import plain

ACCEPTED, REFUSED, DENIED = "accepted", "refused", "denied"
"""What nginx says of its configuration; `denied` where the login may not read what belongs to it, so that nothing was tested."""

_NO = "[emerg] "


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One `server` of an upstream.

    Attributes:
        address: As written: `10.0.1.11:10001`, `unix:/run/x.sock`.
        is_down: Marked `down`: gets no requests at all.
        is_backup: Marked `backup`: gets requests only when all others fail.
        parameters: All words after the address, in their order.
    """

    address: str
    is_down: bool
    is_backup: bool
    parameters: tuple[str, ...]


@dataclass(slots=True)
class _Block:
    words: list[str]
    servers: list[ServerLine]

    @property
    def upstream(self) -> str | None:
        return self.words[1] if len(self.words) == 2 and self.words[0] == "upstream" else None


def dump_command(balancer: Balancer) -> str:
    """Return the shell command that prints the whole configuration, included files and all.

    It tests the configuration as well and fails when nginx would not accept it. Errors stay on standard error.
    """
    return _command(balancer, "-q", "-T")


def check_command(balancer: Balancer) -> str:
    """Return what a person types to have the configuration tested."""
    return _command(balancer, "-t")


def refusal(said: str) -> tuple[str, str]:
    """Return what nginx, which ended with an error, says of its configuration, and its own line without time and process.

    Both are empty where it says nothing of that: it may not be there, or may not be run.
    """
    line = next((each for each in said.splitlines() if _NO in each), "")
    if not line:
        return "", ""
    words = re.sub(r"^\d+#\d+: ", "", line.partition(_NO)[2].strip())
    return DENIED if "Permission denied" in words else REFUSED, _NO + words


def _command(balancer: Balancer, *options: str) -> str:
    words = [balancer.program, *options]
    if balancer.config is not None:
        words += ["-c", balancer.config]
    return " ".join(shlex.quote(word) for word in words)


def parse_upstreams(text: str) -> dict[str, tuple[ServerLine, ...]]:
    """Return the members of each upstream, by its name, from what `nginx -T` printed.

    Blocks are matched as nginx does it, whatever stands in their other directives. Upstreams of `http` and of `stream`
    with the same name are told as one.

    Raises:
        BadAnswer: A quote or a block is not closed, or closed twice: not the output of `nginx -T`, or cut off.
    """
    upstreams: dict[str, tuple[ServerLine, ...]] = {}
    open_blocks: list[_Block] = []
    words: list[str] = []
    for line, token, is_quoted in _tokens(text):
        if is_quoted or token not in ("{", "}", ";"):
            words.append(token)
            continue
        if token == ";":
            if words and words[0] == "server" and open_blocks and open_blocks[-1].upstream is not None:
                open_blocks[-1].servers.append(_server(words, line))
        elif token == "{":
            open_blocks.append(_Block(words, []))
        else:
            if not open_blocks:
                raise BadAnswer(f"line {line} of the nginx configuration closes a block that was never opened")
            if words:
                raise BadAnswer(f"line {line} of the nginx configuration: no `;` after {plain(' '.join(words), 60)}")
            block = open_blocks.pop()
            if block.upstream is not None:
                upstreams[block.upstream] = (*upstreams.get(block.upstream, ()), *block.servers)
        words = []
    if open_blocks or words:
        unclosed = open_blocks[-1].words if open_blocks else words
        raise BadAnswer(f"the nginx configuration ends in the middle of {plain(' '.join(unclosed), 60)}")
    return upstreams


def log_files(text: str) -> tuple[str, ...]:
    """Return the files that nginx logs to according to what `nginx -T` printed, error logs first, each once.

    What is no file that can be named is left out: `off`, `stderr`, `syslog:...`, names with variables or relative to its prefix.

    Raises:
        BadAnswer: A quote is not closed.
    """
    found: dict[str, list[str]] = {"error_log": [], "access_log": []}
    words: list[str] = []
    for _, token, is_quoted in _tokens(text):
        if is_quoted or token not in ("{", "}", ";"):
            words.append(token)
            continue
        if token == ";" and len(words) > 1 and words[0] in found and words[1].startswith("/") and "$" not in words[1]:
            found[words[0]].append(words[1])
        words = []
    return tuple(path for path in dict.fromkeys((*found["error_log"], *found["access_log"])) if path != "/dev/null")


def _server(words: list[str], line: int) -> ServerLine:
    if len(words) < 2:
        raise BadAnswer(f"line {line} of the nginx configuration: a server without an address")
    parameters = tuple(words[2:])
    return ServerLine(words[1], "down" in parameters, "backup" in parameters, parameters)


def _tokens(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, token, and whether it was quoted, by nginx's own rules (src/core/ngx_conf_file.c).

    A quote or `#` begins something only at the start of a word; `{` inside of a word belongs to it after a `$`.
    """
    line, position, end = 1, 0, len(text)
    while position < end:
        char = text[position]
        if char in " \t\r\n":
            line += char == "\n"
            position += 1
        elif char == "#":
            position = _index(text, "\n", position)
        elif char in "{};":
            yield line, char, False
            position += 1
        elif char in "\"'":
            began = line
            token, position = _quoted(text, position, line)
            line += token.count("\n")
            yield began, token, True
        else:
            token, position = _word(text, position)
            yield line, token, False


def _index(text: str, what: str, start: int) -> int:
    found = text.find(what, start)
    return len(text) if found < 0 else found


def _quoted(text: str, position: int, line: int) -> tuple[str, int]:
    quote, token = text[position], ""
    position += 1
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            token += text[position + 1]
            position += 2
        elif char == quote:
            return token, position + 1
        else:
            token += char
            position += 1
    raise BadAnswer(f"line {line} of the nginx configuration opens a quote that is never closed")


def _word(text: str, position: int) -> tuple[str, int]:
    start = position
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
        elif char == "$" and text[position + 1 : position + 2] == "{":
            position = _index(text, "}", position) + 1
        elif char in " \t\r\n;{":
            break
        else:
            position += 1
    return text[start:position], min(position, len(text))
