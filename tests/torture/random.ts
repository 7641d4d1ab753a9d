/** Kills processes that use one store at random moments: promises 1 and 5. */
import { openStore } from "../../lib/store/mod.ts";
import { PROGRAM } from "../support/cli/cli.ts";
import { runCommand } from "../support/cli/in_process.ts";
import { smallImage } from "../support/faults/scenarios.ts";
import { archiveTar, dockerFiles } from "../support/images/images.ts";
import { killGroup } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";

/** Milliseconds within which a process is killed: longer than a command takes on an idle machine. */
const LONGEST = 1500;

/** Runs two writers and a collection of garbage so often, kills them, and gives what `fsck --deep` finds then. */
export async function killAtRandom(kills: number, seed: number): Promise<string[]> {
  await using temp = await tempDir("varve-random-");
  const [root, archive] = [temp.join("store"), temp.join("small.tar")];
  await Deno.writeFile(archive, archiveTar(dockerFiles([smallImage()])));
  await Deno.mkdir(temp.join("root"));
  await Deno.writeTextFile(temp.join("root/file"), "file");
  const random = prng(seed);
  const env = { VARVE_ROOT: root, NO_COLOR: "1" };
  const commands = [
    ["load", archive],
    ["import", temp.join("root"), "example.org/import:1"],
    ["rmi", "example.org/small:1"],
    ["gc"],
  ];
  await (await openStore({ root }))[Symbol.asyncDispose]();
  const findings: string[] = [];
  for (let killed = 0; killed < kills;) {
    const chosen = [commands[0], commands[random.int(1, 3)], commands[3]] as string[][];
    const children = chosen.map((words) => {
      const args = [...PROGRAM, ...words];
      const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
      return new Deno.Command("setsid", { args, env, ...streams }).spawn();
    });
    await Promise.all(children.map(async (child) => {
      let ended = false;
      const end = child.status.then(() => ended = true);
      let timer: ReturnType<typeof setTimeout> | undefined;
      // The moment is what is random here: nothing is concluded from it.
      const late = new Promise((resolve) => timer = setTimeout(resolve, random.int(100, LONGEST)));
      await Promise.race([end, late]);
      clearTimeout(timer);
      if (!ended) killGroup(child.pid);
      await end;
    }));
    killed += children.length;
    await (await openStore({ root }))[Symbol.asyncDispose]();
    const { code, stdout, stderr } = await runCommand(["fsck", "--deep"], { env, isRoot: true });
    if (code !== 0) findings.push(`after ${killed} kills: ${code}: ${stdout}${stderr}`);
  }
  return findings;
}
