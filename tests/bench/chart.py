"""A chart beside the figures of a benchmark, where matplotlib is installed (the extra `bench`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill


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

    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.25 * (len(rows) + 1) * len(groups)))
    width = 0.8 / max(1, len(rows))
    for number, (name, values) in enumerate(rows):
        places = [place + (number - (len(rows) - 1) / 2) * width for place in range(len(groups))]
        drawn = axes.barh(places, [value or 0 for value in values], width, label=name)
        axes.bar_label(drawn, [f"{value:.4g}" if value else "" for value in values], fontsize=7, padding=2)
    axes.set_yticks(range(len(groups)), [fill(group, 40) for group in groups])
    axes.invert_yaxis()
    axes.set_xlabel(what)
    axes.legend()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path = figures.with_suffix(".png")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    print(path)


def times(figures: Path, taken: Sequence[tuple[str, float, float]]) -> None:
    """The same for waiting: of each the median and what 95 of 100 do not exceed, in milliseconds."""
    groups = [what for what, _, _ in taken]
    rows = [("median", [middle for _, middle, _ in taken]), ("p95", [late for _, _, late in taken])]
    bars(figures, "milliseconds", groups, rows)
