"""A title's truth as labels of its shots: the table that ingest takes."""

from filmset.truth import Shot, Title

LABEL_COLUMNS = ("start_s", "end_s", "name", "value")


def label_rows(title: Title) -> list[list[str]]:
    """One row of LABEL_COLUMNS for each label: the director for the whole film (no times), the rest by shot.

    scene: its kind; speakers: how many people speak in it; style: of the lines, where all have
    the same; event: its kind, which is in the picture for the whole shot.
    """
    rows = [["", "", "director", title.director]]
    for shot in title.shots:
        span = [f"{float(frame / title.rate):.6f}" for frame in (shot.start_frame, shot.end_frame)]
        rows += [[*span, name, value] for name, value in _labels(shot)]
    return rows


def _labels(shot: Shot) -> list[tuple[str, str]]:
    styles = {line.style for line in shot.lines}
    return [
        ("scene", shot.scene.kind),
        ("speakers", str(len(shot.speakers))),
        *(("style", style) for style in styles if len(styles) == 1),
        *(("event", event.kind) for event in shot.events),
    ]
