/** One connection of the generator, whatever it speaks. */

/** What became of a call; undefined is success. */
export type Failure = string | undefined;

export interface ConnectionEvents {
  /** The call of `client`, a number of this connection's own, is over. */
  answered(client: number, failure: Failure): void;
}

export interface Connection {
  /** Begins call number `call` for `client`, which has none under way. */
  send(client: number, call: number): void;
  /** Lets everything leave that was sent since the last flush. */
  flush(): void;
  close(): void;
}

/** Opens a connection; rejects when nobody listens. */
export type Connect = (events: ConnectionEvents) => Promise<Connection>;
