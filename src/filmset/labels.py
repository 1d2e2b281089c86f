"""What a title's truth says of its shots as labels: the table that ingest takes."""

from filmset.truth import Shot, Title

LABEL_COLUMNS = ("start_s", "end_s", "name", "value")


def label_rows(title: Title) -> list[list[str]]:
    """The values of LABEL_COLUMNS, a row a label: the director of the whole film (no times), and by shot.

    scene: its kind; speakers: how many people speak in it; style: how, where all lines are in one style;
    event: its kind, over the shot, in whose picture it is from beginning to end.
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
