/** Which node is asked next. */

/**
 * Reads go round all endpoints; writes go to the leader once an answer has named it, which saves
 * the hop. An endpoint that did not answer is asked last for a while.
 */
export class Endpoints {
  readonly #urls: readonly string[];
  /** When each endpoint last failed, by URL. */
  readonly #failedAtMs = new Map<string, number>();
  readonly #monotonicMs: () => number;
  #next = 0;
  /** Learned from answers, by node id. */
  readonly #urlByNode = new Map<string, string>();
  #leaderUrl: string | undefined;

  constructor(urls: readonly string[], monotonicMs: () => number = () => performance.now()) {
    if (urls.length === 0) throw new RangeError("endpoints is empty, at least one URL is needed");
    this.#urls = urls.map(parseEndpoint);
    this.#monotonicMs = monotonicMs;
  }

  /** Every endpoint once, in the order in which to try them. */
  inOrder(kind: "read" | "write"): readonly string[] {
    const start = this.#next++ % this.#urls.length;
    const turned = [...this.#urls.slice(start), ...this.#urls.slice(0, start)];
    const leader = kind === "write" ? this.#leaderUrl : undefined;
    const ordered = leader === undefined
      ? turned
      : [leader, ...turned.filter((url) => url !== leader)];
    return [
      ...ordered.filter((url) => !this.#isResting(url)),
      ...ordered.filter((url) => this.#isResting(url)),
    ];
  }

  failed(url: string): void {
    this.#failedAtMs.set(url, this.#monotonicMs());
    if (this.#leaderUrl === url) this.#leaderUrl = undefined;
  }

  answered(url: string): void {
    this.#failedAtMs.delete(url);
  }

  /** An answer of `url` named the node that gave it and the leader, as far as it knows. */
  learned(url: string, facts: { readonly servedBy: string; readonly leader: string | null }): void {
    this.#urlByNode.set(facts.servedBy, url);
    this.#leaderUrl = facts.leader === null ? undefined : this.#urlByNode.get(facts.leader);
  }

  #isResting(url: string): boolean {
    const failedAtMs = this.#failedAtMs.get(url);
    return failedAtMs !== undefined && this.#monotonicMs() - failedAtMs < restMs;
  }
}

const restMs = 1000;

/** `host:port` and `http://host:port/` are one; throws a RangeError that names the text. */
export function parseEndpoint(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const plain = parsed !== undefined && parsed.pathname === "/" && parsed.search === "" &&
    parsed.hash === "" && parsed.username === "";
  if (!plain) {
    throw new RangeError(`The endpoint is ${JSON.stringify(text)}; allowed is http://host:port`);
  }
  return parsed.origin;
}
