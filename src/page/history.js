// Rates are differences between two polls. Times are the server's, microseconds since the Unix epoch.

const windowUs = 300e6;

// How much of it plots show: from one minute on, what this page may have seen.
export function spanUs() {
  return Math.min(windowUs, Math.max(60e6, performance.now() * 1e3));
}

// A longer silence between two polls is shown as a gap and not as a mean over it.
const longestStepUs = 20e6;

const nothing = { calls: 0, errors: 0, untimed_calls: 0, inclusive_ns: 0, duration_ns: 0 };

// What the counters counted from at the previous poll: what they were then, or zero if the function
// has begun to count since, be it new or reset. null if that cannot be told, as for a function that was
// not in that poll. `last` and `lastAtUs`: when the function was seen last, and what its counters were.
function baseOf({ last, lastAtUs }, now, previousAtUs, atUs) {
  if (previousAtUs === null || atUs <= previousAtUs || atUs - previousAtUs > longestStepUs) return null;
  if (now.stats_since_unix_us > previousAtUs) return nothing;
  return lastAtUs === previousAtUs && last.stats_since_unix_us === now.stats_since_unix_us ? last : null;
}

// One function's last five minutes: points with `atUs`, and per second `calls`, `errors` and `time`
// (nanoseconds), and `mean` (nanoseconds; null without calls).
export class History {
  constructor(points = [], last = null, lastAtUs = null) {
    this.points = points;
    this.last = last;
    this.lastAtUs = lastAtUs;
  }

  // `previousAtUs`: of the poll before this one, whether or not this function was in it; or null.
  add(stats, atUs, previousAtUs) {
    const base = baseOf(this, stats, previousAtUs, atUs);
    [this.last, this.lastAtUs] = [stats, atUs];
    this.points = this.points.filter((point) => point.atUs > atUs - windowUs);
    if (base === null) return;
    const seconds = (atUs - previousAtUs) / 1e6;
    const since = (counter) => stats[counter] - base[counter];
    const timed = since("calls") - since("untimed_calls");
    const point = {
      fromUs: previousAtUs,
      atUs,
      calls: since("calls") / seconds,
      errors: since("errors") / seconds,
      time: since("inclusive_ns") / seconds,
      mean: timed > 0 ? since("duration_ns") / timed : null,
    };
    // A counter that went back without having been reset counts something else now.
    if (point.calls >= 0 && point.errors >= 0 && point.time >= 0) this.points.push(point);
  }

  // The rates of the poll at that moment, or null.
  at(atUs) {
    const point = this.points.at(-1);
    return point !== undefined && point.atUs === atUs ? point : null;
  }

  copy() {
    return new History([...this.points], this.last, this.lastAtUs);
  }
}

const keyOf = (bucket) => String(bucket.le_ns);

// One function's calls of the last five minutes by duration, poll by poll: columns with `fromUs`,
// `atUs` and `buckets`, which are as the server sends them.
export class Distribution {
  constructor() {
    this.columns = [];
    this.last = null;
    this.lastAtUs = null;
  }

  add(stats, atUs) {
    const previousAtUs = this.lastAtUs;
    const base = baseOf(this, stats, previousAtUs, atUs);
    [this.last, this.lastAtUs] = [stats, atUs];
    this.columns = this.columns.filter((column) => column.atUs > atUs - windowUs);
    if (base === null) return;
    const before = new Map((base.histogram?.buckets ?? []).map((bucket) => [keyOf(bucket), bucket.count]));
    const buckets = stats.histogram.buckets
      .map((bucket) => ({ ...bucket, count: bucket.count - (before.get(keyOf(bucket)) ?? 0) }))
      .filter((bucket) => bucket.count !== 0);
    if (buckets.every((bucket) => bucket.count > 0)) this.columns.push({ fromUs: previousAtUs, atUs, buckets });
  }

  // All columns' buckets in one, by duration.
  sum() {
    const sums = new Map();
    for (const bucket of this.columns.flatMap((column) => column.buckets)) {
      const sum = sums.get(keyOf(bucket));
      if (sum === undefined) sums.set(keyOf(bucket), { ...bucket });
      else sum.count += bucket.count;
    }
    return [...sums.values()].sort((a, b) => (a.le_ns ?? Infinity) - (b.le_ns ?? Infinity));
  }
}

// Interpolated in its bucket, as the server does it; null without calls. What is longer than the
// last bound is shown as that.
export function quantile(buckets, q) {
  const rank = q * buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  let below = 0;
  for (const { gt_ns: low, le_ns: high, count } of buckets) {
    if (below + count >= rank) {
      return high === null ? low : low + (high - low) * ((rank - below) / count);
    }
    below += count;
  }
  return null;
}
