/** `inflate_to.ts SOURCE TARGET`: inflates a gzip layer by node:zlib into a file, and does nothing else. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { createNodeInflater } from "../../lib/codec/compress/node_zlib.ts";

const IN = 256 * 1024, OUT = 1024 * 1024;
/** Header of a gzip member without name. */
const GZIP_HEADER = 10;

const [source = "", target = ""] = Deno.args;
const file = openSync(source, "r"), output = openSync(target, "wx");
const input = new Uint8Array(IN), buffer = new Uint8Array(OUT);
const inflater = createNodeInflater();
inflater.reset();
let filled = 0;
for (let first = true, ended = false; !ended; first = false) {
  const length = readSync(file, input, 0, IN, null);
  if (length === 0) break;
  for (let at = first ? GZIP_HEADER : 0;;) {
    ended = inflater.write(input, at, length, buffer, filled);
    at += inflater.consumed;
    filled += inflater.produced;
    if (filled === OUT) filled -= writeSync(output, buffer);
    else if (ended || at === length) break;
  }
}
writeSync(output, buffer.subarray(0, filled));
inflater.close();
closeSync(file);
closeSync(output);
