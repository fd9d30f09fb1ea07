/**
 * Latencies in logarithmic buckets with linear steps inside each power of two, as HdrHistogram has
 * them: a fixed array, one addition per value, and a known error. A recorded value is told back
 * within 1/256 of itself.
 */

/** Below this every value has a bucket of its own; each power of two above it has half as many. */
const linearSize = 256;
const octaveSize = linearSize / 2;
const linearBits = 8;
/** Values are below 2^31: half an hour in microseconds. */
const valueMax = 2 ** 31 - 1;
const bucketCount = linearSize + (31 - linearBits) * octaveSize;

/** What a histogram comes to; microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

export class Histogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;
  #sum = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes microseconds; fractions count in the mean and are rounded in the percentiles. */
  record(valueUs: number): void {
    const value = Math.max(0, Math.min(valueMax, Math.round(valueUs)));
    this.#buckets[bucketOf(value)]! += 1;
    this.#count += 1;
    this.#sum += valueUs;
    if (valueUs > this.#max) this.#max = valueUs;
  }

  /**
   * The value that `percent` of all values do not exceed, by nearest rank; 0 when there is none.
   */
  percentileUs(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#buckets[bucket]!;
      if (seen >= rank) return Math.min(middleOf(bucket), this.#max);
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      meanUs: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50Us: this.percentileUs(50),
      p99Us: this.percentileUs(99),
      maxUs: this.#max,
    };
  }
}

function bucketOf(value: number): number {
  if (value < linearSize) return value;
  // How far the value must be shifted to lie in the upper half of the linear range.
  const shift = 32 - Math.clz32(value) - linearBits;
  return linearSize + (shift - 1) * octaveSize + ((value >>> shift) - octaveSize);
}

function middleOf(bucket: number): number {
  if (bucket < linearSize) return bucket;
  const octave = Math.floor((bucket - linearSize) / octaveSize);
  const step = (bucket - linearSize) % octaveSize;
  const width = 2 ** (octave + 1);
  return (octaveSize + step) * width + width / 2;
}
