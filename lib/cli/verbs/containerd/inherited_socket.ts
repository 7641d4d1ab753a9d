import { VarveError } from "../../../errors.ts";

/** The first descriptor that systemd passes on (sd_listen_fds(3)). */
const FIRST = 3;

/**
 * The descriptor of a listening socket that this process got from systemd; `undefined` for none.
 *
 * @throws {VarveError} `E_USAGE` there are several
 */
export function inheritedSocket(env: (name: string) => string | undefined): number | undefined {
  // The variables may be meant for the process that started this one.
  if (env("LISTEN_PID") !== String(Deno.pid)) return undefined;
  const count = Number(env("LISTEN_FDS") ?? 0);
  if (count === 1) return FIRST;
  if (count === 0) return undefined;
  throw new VarveError(
    "E_USAGE",
    `Cannot serve on ${count} inherited sockets: the unit must have one ListenStream`,
  );
}
