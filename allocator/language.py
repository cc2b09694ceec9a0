"""Texts and numbers in the languages that reports and explanations are written in."""

import math
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Language = Literal["nb", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

NONE = "–"
"""Stands where there is no figure."""


REPORT = "allocator.report"
"""Package whose messages name families, items, kinds, keys and terms for all others."""


@cache
def messages(package: str = REPORT) -> dict[str, dict[str, str]]:
    """Return every message of a package by key, and in it the text by language."""
    text = files(package).joinpath("messages.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{name}": dict(message)
        for section, entries in tomllib.loads(text).items()
        for name, message in entries.items()
    }


class Texts:
    """The messages and number formats of one language.

    Parameters
    ----------
    language
        ``nb`` (Norwegian Bokmål) or ``en`` (English).
    package
        Whose messages; those of the report are known beside them.

    Raises
    ------
    ValueError
        If nothing is written in that language.
    """

    def __init__(self, language: str, package: str = REPORT) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"texts are written in {', '.join(LANGUAGES)}, not in {language!r}")
        self.language = language
        self._messages = {**messages(), **messages(package)}

    def __call__(self, key: str, /, **values: str) -> str:
        """Return the message `key` with `values` filled in."""
        return self._messages[key][self.language].format(**values)

    def known(self, section: str, name: str, otherwise: str | None = None) -> str:
        """Return a word that instances may extend: a family, a name of a service or key.

        Instances are free to bring words of their own; those are shown as they are.
        """
        message = self._messages.get(f"{section}.{name}")
        return message[self.language] if message else (otherwise or name)

    def number(self, value: float | None, decimals: int = 0, *, sign: bool = False) -> str:
        """Return a number as people of this language write it: 37 000,5 or 37,000.5."""
        if value is None or math.isnan(value):
            return NONE
        rounded = round(float(value), decimals) + 0.0  # no negative zero
        text = f"{rounded:{'+' if sign and rounded else ''},.{decimals}f}".replace("-", "−")
        if self.language == "nb":
            text = text.translate(str.maketrans(",.", "\u00a0,"))
        return text

    def percent(self, value: float | None, decimals: int = 1) -> str:
        """Return a share as per cent: 0,7 % or 0.7%."""
        if value is None or math.isnan(value):
            return NONE
        return self.number(100 * value, decimals) + ("\u00a0%" if self.language == "nb" else "%")

    def money(self, value: float | None, currency: str) -> str:
        """Return an amount in millions of the currency, or in full below one million."""
        if value is None:
            return NONE
        if abs(value) < 1e6:
            return f"{self.number(value)}\u00a0{currency}"
        return self(
            "unit.million",
            amount=self.number(value / 1e6, 0 if abs(value) >= 1e8 else 1),
            currency=currency,
        )

    def listed(self, words: list[str]) -> str:
        """Return words as an enumeration: a, b and c."""
        if len(words) < 2:
            return "".join(words)
        return f"{', '.join(words[:-1])} {self('unit.and')} {words[-1]}"
