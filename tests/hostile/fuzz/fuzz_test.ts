import { assert, assertEquals } from "@std/assert";
import { forSeeds } from "../../support/prng.ts";
import { CRASHERS } from "./crashers.ts";
import { caseOf, judge } from "./fuzz.ts";
import { SUBJECTS } from "./subjects.ts";

Deno.test("500 seeds of mutated tars, streams and documents are taken, or refused as bad data", async () => {
  const verdicts = new Map<string, Set<string>>();
  await forSeeds(500, (_, seed) => {
    const { subject, bytes } = caseOf(seed);
    const verdict = judge(subject, bytes, seed);
    const kind = verdict.startsWith("OK sha") ? "OK" : verdict;
    verdicts.set(subject.name, (verdicts.get(subject.name) ?? new Set()).add(kind));
  });
  // A fuzzer whose inputs all meet the same end finds nothing.
  for (const [name, found] of verdicts) assert(found.size >= 3, `${name}: ${[...found]}`);
  assertEquals(verdicts.size, SUBJECTS.length);
});

Deno.test("what the fuzzer once found stays mended", () => {
  for (const { subject, base64, was } of CRASHERS) {
    const found = SUBJECTS.find(({ name }) => name === subject);
    assert(found !== undefined, was);
    judge(found, Uint8Array.fromBase64(base64), 1);
  }
});

Deno.test("an error that is not about bad data, and a difference between the ways to cut, are found", () => {
  const broken = (judged: (pieces: readonly Uint8Array[]) => string) => {
    const subject = { name: "broken", make: () => new Uint8Array(2000), judge: judged };
    try {
      judge(subject, subject.make(), 1);
      return "nothing";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertEquals(broken(() => "x"), "nothing");
  assert(
    broken(() => {
      throw new TypeError("x is undefined");
    }).includes("x is undefined"),
  );
  assert(broken((pieces) => `${pieces.length}`).includes("in pieces"));
});
