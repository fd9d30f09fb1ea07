/** Counts the changes that a watch tells, without reading what they are. */

const eventMark = "event: change\n";

/** Counts the events in a stream of server-sent events, wherever its pieces are cut. */
export class EventCounter {
  #end = "";

  /** How many events of a change begin in this piece, or end their first line in it. */
  count(piece: string): number {
    const text = this.#end + piece;
    this.#end = text.slice(-(eventMark.length - 1));
    return text.split(eventMark).length - 1;
  }
}
