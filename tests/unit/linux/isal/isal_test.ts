/** Checks of a foreign library, tested with fake libraries that misbehave. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { IsalInflater, STATE_BYTES } from "../../../../lib/linux/isal/isal_inflater.ts";
import {
  findIsalFile,
  type IsalSymbols,
  openIsal,
} from "../../../../lib/linux/isal/isal_library.ts";
import { selfTest } from "../../../../lib/linux/isal/isal_self_test.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

type State = Uint8Array<ArrayBuffer>;

/** A fake library: it initialises the state correctly, and `inflate` decides what it does then. */
function library(inflate: (words: Uint32Array, state: State) => number): IsalSymbols {
  return {
    isal_inflate_init: (state: State) => {
      state.fill(0, 0, 40);
      state.fill(0, 21_160, 21_216);
    },
    isal_inflate: (state: State) =>
      inflate(new Uint32Array(state.buffer, 0, STATE_BYTES / 4), state),
  } as unknown as IsalSymbols;
}

function write(symbols: IsalSymbols): VarveError {
  const inflater = new IsalInflater(symbols);
  inflater.reset();
  const run = () => inflater.write(new Uint8Array(100), 0, 100, new Uint8Array(100), 0);
  return assertThrows(run, VarveError);
}

Deno.test("a library that counts wrong or writes outside its memory is detected", () => {
  const broken: [IsalSymbols, RegExp][] = [
    [library((words) => words[2] = 101), /more room/],
    [library((words) => (words[8] = 101, 0)), /more input/],
    [library((_, state) => (state[STATE_BYTES] = 0, 0)), /after the end of its own memory/],
    [library(() => 7), /result was 7/],
  ];
  for (const [symbols, message] of broken) {
    const error = write(symbols);
    assertEquals(error.code, "E_INTERNAL");
    assertMatch(error.message, message);
  }
  for (const result of [-1, -6, -99]) assertEquals(write(library(() => result)).code, "E_FORMAT");
});

Deno.test("a write far after the end of the state is detected when the inflater is closed", () => {
  const inflater = new IsalInflater(library((_, state) => (state[STATE_BYTES + 5000] = 1, 0)));
  inflater.reset();
  inflater.write(new Uint8Array(1), 0, 1, new Uint8Array(1), 0);
  assertEquals(assertThrows(() => inflater.close(), VarveError).code, "E_INTERNAL");
  inflater.close();
});

Deno.test("the self-test refuses another layout, wrong bytes, and a library that does nothing", () => {
  const other = {
    ...library(() => 0),
    isal_inflate_init: (state: State) => void state.fill(0, 0, 48),
  };
  assertMatch(selfTest(other as unknown as IsalSymbols) ?? "", /layout/);
  assertMatch(selfTest(library(() => 0)) ?? "", /wrong bytes/);
  assertMatch(selfTest(library(() => -1)) ?? "", /Cannot decompress/);
  assertMatch(selfTest(library((words) => words[2] = 1_000_000)) ?? "", /more room/);
});

Deno.test("a library is looked for in known directories, and a changed file has another identity", async () => {
  await using temp = await tempDir();
  assertMatch(String(findIsalFile([temp.path])), /not installed/);
  await Deno.writeTextFile(temp.join("libisal.so.2"), "no library");
  const file = findIsalFile([temp.join("nowhere"), temp.path]);
  if (typeof file === "string") throw new Error(file);
  assertEquals(file.path, temp.join("libisal.so.2"));
  assertEquals(assertThrows(() => openIsal(file), VarveError).code, "E_UNSUPPORTED");
  await Deno.writeTextFile(temp.join("libisal.so.2"), "another one");
  const changed = findIsalFile([temp.path]);
  assertEquals(typeof changed === "string" || changed.identity === file.identity, false);
});
