"""The few pages that the stand-in shows to a browser. Each says that it is a stand-in."""

from html import escape

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
<hr><p>PPS stand-in {version} on {node}: not Pleasant Password Server, but the web node of a ppsconsole lab.</p>
</body>
</html>
"""


def login_page(node: str, version: str) -> str:
    """Return the page that `/` shows. Its form leads nowhere: the stand-in has no web client, only the REST interface."""
    return _page(
        "Sign in",
        '<form><label>User name <input name="username" autocomplete="username"></label>'
        '<label>Password <input name="password" type="password"></label><button disabled>Sign in</button></form>',
        node,
        version,
    )


def version_page(node: str, version: str) -> str:
    """Return the page that `/Version` shows."""
    return _page("Version", f"<p>{escape(version)}</p>", node, version)


def error_page(status: int, reason: str, node: str, version: str) -> str:
    """Return the page of a failed request. The cause is in the log, not here: a web application does not tell strangers."""
    return _page(f"Server Error: {status}", f"<p>{escape(reason)}</p>", node, version)


def _page(title: str, body: str, node: str, version: str) -> str:
    return _PAGE.format(title=escape(title), body=body, node=escape(node), version=escape(version))
