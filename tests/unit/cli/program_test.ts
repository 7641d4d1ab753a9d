import { assertEquals, assertStringIncludes } from "@std/assert";
import { createProgram, endOptions } from "../../../lib/cli/program.ts";
import { runCommand } from "../../support/cli/in_process.ts";

Deno.test("the program has only the verb that the command line names, or all when it names none", async () => {
  const verbs = async (...args: string[]) =>
    (await createProgram(() => Promise.resolve(), args)).commands.map((one) => one.name());
  assertEquals(await verbs("mount", "app", "/mnt"), ["mount"]);
  assertEquals(await verbs("--root", "load", "--format=json", "snapshot", "ls"), ["snapshot"]);
  const all = await verbs();
  assertEquals(all.includes("load") && all.includes("config"), true);
  // Internal verbs are found but not listed.
  assertEquals(await verbs("--root", "/x", "reap"), ["reap"]);
  assertEquals(all.includes("reap"), false);
  for (
    const args of [["lod"], ["--version"], ["--root"], ["--nothing"], ["constructor"]]
  ) {
    assertEquals(await verbs(...args), all, args.join(" "));
  }
});

Deno.test("the list of verbs needs no module of a verb", async () => {
  for (const args of [[], ["--help"], ["--version"], ["lod"]]) {
    const { commands } = await createProgram(() => Promise.resolve(), args);
    assertEquals(commands.flatMap(({ options }) => options), [], args.join(" "));
  }
  const { commands } = await createProgram(() => Promise.resolve());
  assertEquals(commands.flatMap(({ options }) => options).length > 100, true);
});

Deno.test("a verb that is not listed has its help", async () => {
  const { code, stdout } = await runCommand(["reap", "--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "'varve run' makes the same repairs when it starts.");
});

Deno.test("options end where the command of a container begins", async () => {
  const program = await createProgram(() => Promise.resolve());
  const ended = (line: string) => endOptions(program, line.split(" ")).join(" ");
  for (
    const [line, wanted] of [
      ["run app ls -l", "run app -- ls -l"],
      [
        "--root /r run --rm -v /a:/b app --tty sh -c x",
        "--root /r run --rm -v /a:/b app --tty -- sh -c x",
      ],
      ["run app -e A=B env", "run app -e A=B -- env"],
      ["run app - x", "run app -- - x"],
      ["run app -- ls -- x", "run app -- ls -- x"],
      ["run -- app ls -l", "run -- app ls -l"],
      ["run app --rm", "run app --rm"],
      ["run --name", "run --name"],
      ["completions bash squash --o", "completions bash -- squash --o"],
      ["load run a -b", "load run a -b"],
      ["rmi a b --format json", "rmi a b --format json"],
      ["snapshot label k a=b --format json", "snapshot label k a=b --format json"],
      // Options of find(1) have one dash.
      ["find a -name -x -perm -4000 -0", "find a --name -x --perm -4000 -0"],
      ["find a -format json -- -name", "find a --format json -- -name"],
      ["ls a -all -long", "ls a -all -long"],
    ] as const
  ) {
    assertEquals(ended(line), wanted);
  }
});
