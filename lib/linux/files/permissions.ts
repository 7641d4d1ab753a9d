import { VarveError } from "../../errors.ts";

/**
 * Matches Deno's message about a missing permission. The groups are the kind of the permission and
 * its value, such as `"/etc/hosts"` or `<TMP>`.
 */
const REQUIRES = /^Requires ([a-z]+) access(?: to ("[^]*"|<[^>]*>))?[,.]/;

/**
 * Turns Deno's error about a missing permission into `E_DENIED`, with the flag as its hint. Returns `undefined` for
 * any other error.
 *
 * @param action what could not be done; it follows "Cannot " in the message
 */
export function permissionError(error: unknown, action: string): VarveError | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const [, kind, subject] = REQUIRES.exec(error.message) ?? [];
  const options = { cause: error };
  if (kind === undefined) {
    const flags = [...new Set(error.message.match(/--allow-[a-z]+/g) ?? ["-A"])];
    return new VarveError("E_DENIED", `Cannot ${action}: Deno does not have the permission`, {
      hint: flagHint(flags),
    }, options);
  }
  const value = subject?.startsWith('"') ? subject.slice(1, -1) : undefined;
  const what = value === undefined ? "" : ` for ${value}`;
  return new VarveError(
    "E_DENIED",
    `Cannot ${action}: Deno does not have the ${kind} permission${what}`,
    { subject: value, hint: flagHint([flagOf(kind, value)]) },
    options,
  );
}

/**
 * Asks Deno for permissions before they are used, so that one error names all that are missing. At a terminal Deno
 * prompts for each missing permission, as it also does when a missing permission is used.
 *
 * @param action what needs the permissions; it follows "Cannot " in the message
 * @throws {VarveError} `E_DENIED`
 */
export function requirePermissions(
  action: string,
  permissions: readonly Deno.PermissionDescriptor[],
): void {
  const missing = permissions.filter((one) =>
    Deno.permissions.requestSync(one).state !== "granted"
  );
  if (missing.length === 0) return;
  const [first] = missing.map(valueOf);
  const kinds = [...new Set(missing.map(({ name }) => name))];
  const what = missing.length === 1 && first !== undefined ? ` for ${first}` : "";
  throw new VarveError(
    "E_DENIED",
    `Cannot ${action}: Deno does not have the ${
      kinds.length > 1 ? `permissions ${kinds.join(", ")}` : `${kinds[0]} permission`
    }${what}`,
    { hint: flagHint(flagsOf(missing)) },
  );
}

/** The flags that grant the permissions. Permissions of one kind share a flag with a list of values. */
function flagsOf(permissions: readonly Deno.PermissionDescriptor[]): string[] {
  const values = new Map<string, string[]>();
  for (const one of permissions) {
    const value = valueOf(one);
    const known = values.get(one.name) ?? [];
    values.set(one.name, value === undefined ? known : [...known, value]);
  }
  return [...values].map(([kind, list]) => flagOf(kind, list.join(",") || undefined));
}

function valueOf(permission: Deno.PermissionDescriptor): string | undefined {
  switch (permission.name) {
    case "read":
    case "write":
    case "ffi":
      return permission.path?.toString();
    case "sys":
      return permission.kind;
    case "env":
      return permission.variable;
    case "net":
      return permission.host;
    case "run":
      return permission.command?.toString();
    default:
      return undefined;
  }
}

function flagOf(kind: string, value: string | undefined): string {
  if (kind === "all") return "-A";
  // Varve reads all of its own variables at every start.
  if (kind === "env" && value?.startsWith("VARVE_")) return "--allow-env='VARVE_*'";
  return value === undefined ? `--allow-${kind}` : `--allow-${kind}=${value}`;
}

function flagHint(flags: readonly string[]): string {
  const how = Deno.build.standalone ? "compile with 'deno compile" : "run Deno with";
  return `${how} ${flags.join(" ")}${Deno.build.standalone ? "'" : ""}`;
}
