"""Shell text that writes on a host through no link: whoever may write beside a data directory can guess the names used there."""

PLANTED = 65
"""With this a command leaves that would have written through something planted."""


def refuse_planted(*paths: str, status: int = PLANTED) -> str:
    """Return shell text that leaves, having said why, where a link, or what belongs to somebody else, is at one of these places.

    Args:
        paths: As shell text, quoted; nothing has to be there.
        status: To leave with.
    """
    is_planted = '[ -L "$p" ] || { [ -e "$p" ] && [ ! -O "$p" ]; }'
    words = 'echo "$p is a link, or belongs to somebody else: move it away" >&2'
    # In a shell of its own: whoever uses this may have a variable of that name.
    return f"(for p in {' '.join(paths)}; do if {is_planted}; then {words}; exit {status}; fi; done) || exit {status}"


def fresh_file(path: str) -> str:
    """Return the shell condition that a new, empty file is at `path`, shell text; a link or a file there is removed first."""
    return f"{{ rm -f {path} && (set -C; : >{path}); }}"
