/** Longest header that is looked at. */
const MAX_HEADER = 16 * 1024;

const LINK = /[ \t,]*<([^<>]*)>((?:[ \t]*;[ \t]*[a-z*]+=(?:"[^"]*"|[^\s",;]*))*)/iy;
/** Among several types in quotes, too (RFC 8288, section 3.3). */
const NEXT = /;[ \t]*rel=(?:next(?=[ \t]*(?:;|$))|"(?:[^"]* )?next(?: [^"]*)?")/i;

/**
 * The next page that a `Link` header names (RFC 8288), or `undefined`. Several headers come joined by
 * commas. Whether it may be followed is the caller's matter.
 */
export function parseNextLink(header: string, base: URL): URL | undefined {
  if (header.length > MAX_HEADER) return undefined;
  LINK.lastIndex = 0;
  for (let match = LINK.exec(header); match !== null; match = LINK.exec(header)) {
    const [, address = "", parameters = ""] = match;
    if (!NEXT.test(parameters)) continue;
    const url = URL.canParse(address, base) ? new URL(address, base) : undefined;
    return url === undefined || url.username !== "" || url.password !== "" ? undefined : url;
  }
  return undefined;
}
