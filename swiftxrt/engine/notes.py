"""Remarks on how a product was made."""

from __future__ import annotations

__all__ = ["Notes"]


class Notes:
    """Sentences, each with the observations that it concerns."""

    def __init__(self) -> None:
        self._labels: dict[str, list[str]] = {}

    def add(self, sentence: str, label: str = "") -> None:
        """Keep a sentence, and the observation it concerns."""
        labels = self._labels.setdefault(sentence, [])
        if label and label not in labels:
            labels.append(label)

    def sentences(self) -> tuple[str, ...]:
        """The sentences, each once, with up to five observations."""
        lines = []
        for sentence, labels in self._labels.items():
            more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
            lines.append(f"{sentence} ({', '.join(labels[:5])}{more})" if labels else sentence)
        return tuple(lines)
