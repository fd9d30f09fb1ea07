/**
 * Stands in for `skein start` in the tests of `dev`: takes the same arguments, answers /readyz and
 * /v1/cluster, ends when its standard input does, and dies when /die is asked for.
 */

import { createServer } from "node:http";
import process from "node:process";

const words = process.argv.slice(2);
const valueOf = (name: string): string => words[words.indexOf(name) + 1] ?? "";
const [host = "", port = ""] = valueOf("--http-addr").split(":");
const id = Number(valueOf("--node-id"));

console.error(`arguments ${words.join(" ")}`);
console.error(`peers ${process.env["SKEIN_PEERS"]}`);
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();

createServer((request, response) => {
  if (request.url === "/die") process.exit(7);
  response.end(JSON.stringify({ term: 3, leader: { id: 2 }, node_id: id, pid: process.pid }));
}).listen(Number(port), host);
