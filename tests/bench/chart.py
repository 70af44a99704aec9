"""A chart beside the figures of a benchmark, where matplotlib is installed (the extra `bench`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def bars(
    figures: Path, what: str, groups: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]
) -> None:
    """Write a PNG beside `figures`: for each group a bar of each row. Where that cannot be done, say why."""
    try:
        import matplotlib
    except ImportError:
        print("no chart: the extra `bench` is not installed (matplotlib is missing)")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.5))
    width = 0.8 / max(1, len(rows))
    for number, (name, values) in enumerate(rows):
        places = [place + (number - (len(rows) - 1) / 2) * width for place in range(len(groups))]
        drawn = axes.bar(places, [value or 0 for value in values], width, label=name)
        axes.bar_label(drawn, [f"{value:.1f}" if value else "" for value in values], fontsize=7)
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(what)
    axes.legend()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path = figures.with_suffix(".png")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    print(path)
