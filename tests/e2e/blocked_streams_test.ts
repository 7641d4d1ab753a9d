import { assertEquals } from "@std/assert";
import { type Io, runCli } from "../../lib/cli/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const NAME = "example.org/sample:1";

/** Runs a command that is interrupted when it waits for one of its streams, for ever. */
async function interrupted(root: string, args: string[]): Promise<[code: number, said: string]> {
  const controller = new AbortController();
  const wait = () => {
    controller.abort(new DOMException("Interrupted", "AbortError"));
    return new Promise<never>(() => {});
  };
  let said = "";
  const io: Io = {
    env: (name) => ({ VARVE_ROOT: root, DOCKER_CONFIG: root } as Record<string, string>)[name],
    stdout: wait,
    stderr: (text) => void (said += text),
    stdin: () => new ReadableStream({ pull: wait }, { highWaterMark: 0 }),
    isTerminal: () => false,
  };
  return [await runCli([...args, "--progress", "none"], { io, signal: controller.signal }), said];
}

Deno.test("a command whose output or input is stuck ends when it is interrupted", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const archive = archiveTar(ociFiles([sampleImage()]));
  await commandOn(root)(["load", "-"], { stdin: archive });
  for (
    const args of [
      ["save", NAME],
      ["export", NAME],
      ["cp", `${NAME}:/etc`, "-"],
      ["cat", `${NAME}:/etc`],
      ["images"],
      ["login", "--username", "me", "--password-stdin", "localhost:1"],
      ["load", "-"],
      ["import", "-", "other:1"],
    ]
  ) {
    assertEquals(await interrupted(root, args), [130, "varve: Interrupted\n"], args[0]);
  }
});

Deno.test("standard output on a full disk: exit 12, and no advice about the store", async () => {
  let said = "";
  const full = Object.assign(new Error("No space left on device (os error 28)"), {
    code: "ENOSPC",
  });
  const io: Io = {
    env: () => undefined,
    stdout: () => Promise.reject(full),
    stderr: (text) => void (said += text),
    stdin: () => new ReadableStream(),
    isTerminal: () => false,
  };
  assertEquals(await runCli(["version", "--root", "/none"], { io }), 12);
  assertEquals(
    said,
    "varve: Cannot write to standard output: no space left on device (free some space where it goes to)\n",
  );
});
