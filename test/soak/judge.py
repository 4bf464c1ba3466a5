"""Whether a series of samples grows: its slope after the warm-up, of which single spikes change nothing."""

import statistics

WARM_UP = 1 / 3
# More are not needed, and the number of pairs is the square.
MOST_POINTS = 200
FEWEST_POINTS = 8


def slope(points):
    """Median of the slopes between any two points (Theil 1950, Sen 1968): up to 29 % of them may be anything."""
    return statistics.median((y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1:])


def thinned(points):
    """At most MOST_POINTS: medians of as many neighbours each."""
    size = -(-len(points) // MOST_POINTS)
    groups = [points[i:i + size] for i in range(0, len(points), size)]
    return [(statistics.median(x for x, _ in group), statistics.median(y for _, y in group)) for group in groups]


def growth(points):
    """What a series of (seconds, value) grew by after the warm-up, as its slope says. ValueError if there are too few."""
    begin, end = points[0][0], points[-1][0]
    rest = thinned([(x, y) for x, y in points if x >= begin + WARM_UP * (end - begin)])
    if len(rest) < FEWEST_POINTS:
        raise ValueError(f"{len(rest)} samples are too few to judge")
    return slope(rest) * (rest[-1][0] - rest[0][0])
