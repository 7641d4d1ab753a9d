import { type ByteString, escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";

/** The user that a container's first process runs as. */
export interface ContainerUser {
  /** User id. */
  readonly uid: number;
  /** Id of the primary group. */
  readonly gid: number;
  /** Ids of all groups, the primary group first. */
  readonly groups: readonly number[];
  /** Home directory; `/` if the image does not name it. */
  readonly home: ByteString;
}

/** Largest user or group id that container engines accept. */
const MAX_ID = 0x7fff_ffff;

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Finds a user in the image's own files, as Docker does (image-spec, config.md, "User").
 *
 * Names and numbers are looked up. A number that is not found is used unchanged. The groups that list the user are
 * added, unless a group is given.
 *
 * @param user `user`, `uid`, `user:group` or `uid:gid`; `""` for root
 * @param passwd content of `/etc/passwd`, `""` when there is none
 * @param group content of `/etc/group`, `""` when there is none
 * @throws {VarveError} `E_MISSING` no such user or group in the image · `E_ID` a number out of range
 */
export function findUser(user: string, passwd: ByteString, group: ByteString): ContainerUser {
  const at = user.indexOf(":");
  const userPart = fromText(at < 0 ? user : user.slice(0, at));
  const groupPart = fromText(at < 0 ? "" : user.slice(at + 1));
  const wanted = userPart === "" ? "0" : userPart;
  const account = passwdLines(passwd).find((line) =>
    line.name === wanted || String(line.uid) === wanted
  );
  const uid = account?.uid ?? idOf(wanted, "user", user);
  const groups = groupLines(group);
  let gid = account?.gid ?? 0;
  let others: number[] = [];
  if (groupPart !== "") {
    const found = groups.find((line) => line.name === groupPart || String(line.gid) === groupPart);
    gid = found?.gid ?? idOf(groupPart, "group", user);
  } else if (account !== undefined) {
    others = groups.filter(({ members }) => members.includes(account.name)).map(({ gid }) => gid);
  }
  const home = (account?.home ?? "") as ByteString;
  return {
    uid,
    gid,
    groups: [...new Set([gid, ...others])],
    home: home === "" ? fromText("/") : home,
  };
}

function idOf(text: string, what: "user" | "group", whole: string): number {
  if (!/^[0-9]{1,10}$/.test(text)) {
    const shown = escapeForTerminal(text as ByteString);
    throw new VarveError(
      "E_MISSING",
      `Cannot run as ${JSON.stringify(whole)}: the image has no ${what} ${shown}`,
      { subject: shown },
    );
  }
  const id = Number(text);
  if (id > MAX_ID) {
    throw new VarveError("E_ID", `Cannot run as ${JSON.stringify(whole)}: ${id} is too large`);
  }
  return id;
}

function passwdLines(text: ByteString): PasswdLine[] {
  const out: PasswdLine[] = [];
  for (const line of text.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = ""] = line.trim().split(":");
    if (name === "" || !isId(uid) || !isId(gid)) continue;
    out.push({ name, uid: Number(uid), gid: Number(gid), home });
  }
  return out;
}

function groupLines(text: ByteString): GroupLine[] {
  const out: GroupLine[] = [];
  for (const line of text.split("\n")) {
    const [name = "", , gid = "", members = ""] = line.trim().split(":");
    if (name === "" || !isId(gid)) continue;
    out.push({ name, gid: Number(gid), members: members.split(",") });
  }
  return out;
}

function isId(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= MAX_ID;
}
