/**
 * The whole configuration of a running containerd, defaults and imported files included: the program itself prints it.
 *
 * @param pid its process
 * @returns null where it cannot be found out
 */
export async function readConfig(pid: number): Promise<string | null> {
  try {
    const program = await Deno.readLink(`/proc/${pid}/exe`);
    const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
    const { success, stdout } = await new Deno.Command(program, {
      args: [...configArguments(words.slice(1)), "config", "dump"],
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    // It has ended, it has another root, or this user may not look at it.
    return null;
  }
}

/** The words of a command line of containerd that say which file it reads. */
export function configArguments(words: readonly string[]): string[] {
  for (const [at, word] of words.entries()) {
    const [flag, value] = word.split(/=(.*)/s, 2);
    if (!["-c", "--config", "-config"].includes(flag as string)) continue;
    const path = value ?? words[at + 1];
    return path === undefined ? [] : ["--config", path];
  }
  return [];
}
