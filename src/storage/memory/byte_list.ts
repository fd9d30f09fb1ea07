/** Bytes that come in pieces and are read in others: no piece is copied to grow. */

/** Grows at its end only. */
export class ByteList {
  readonly #pieces: Uint8Array[] = [];
  /** Where each of them begins. */
  readonly #starts: number[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps `piece` itself: it must not change afterwards. */
  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#starts.push(this.#length);
    this.#length += piece.length;
  }

  /** A copy of the bytes from `offset` on, fewer than `bytesMax` at the end. */
  slice(offset: number, bytesMax: number): Uint8Array {
    const copied = new Uint8Array(Math.max(0, Math.min(bytesMax, this.#length - offset)));
    let at = this.#pieceOf(offset);
    let done = 0;
    while (done < copied.length) {
      const piece = this.#pieces[at]!;
      const from = offset + done - this.#starts[at]!;
      const part = piece.subarray(from, from + copied.length - done);
      copied.set(part, done);
      done += part.length;
      at++;
    }
    return copied;
  }

  /** In order. */
  pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  /** The last piece that does not begin behind `offset`. */
  #pieceOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
