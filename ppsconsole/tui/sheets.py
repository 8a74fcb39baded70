"""Style sheets are read once at a start: reading them is a good part of the time to the first frame."""

from typing import Generic, TypeVar

from textual.app import App

Result = TypeVar("Result")


class SheetsApp(App[Result], Generic[Result], inherit_bindings=False):
    """Reads no style sheet before there is something to style."""

    def refresh_css(self, animate: bool = True) -> None:
        """Give the style sheets the colours of the theme, and style everything again.

        Textual does so whenever a theme is put on, also before there is a screen: it would read all sheets for nothing, and
        again for the first screen.
        """
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())
