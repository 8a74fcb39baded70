"""What is said in passing: one thing at a time, and only as long as the screen is the one that it was said of."""

from textual.app import App
from textual.notifications import Notify


class TellingApp(App[None], inherit_bindings=False):
    """Keeps what is said in passing from covering what matters."""

    NOTIFICATION_TIMEOUT = 3  # they cover a part of the advice

    def on_notify(self, _: Notify) -> None:
        """Take away what was said before: a pile of it would hide the screen. Textual's own handler then adds the new one."""
        self.clear_notifications()
