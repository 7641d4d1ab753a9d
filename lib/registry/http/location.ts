import { redactUrl } from "./redact.ts";
import { registryError } from "./registry_error.ts";

/** Maximum length of a `Location` header in characters. */
const MAX_LOCATION = 8192;

/**
 * The address that a `Location` header names.
 *
 * @throws {VarveError} `E_REGISTRY` when the header is missing, or its address must not be followed
 */
export function locationOf(response: Response, base: URL, action: string): URL {
  const text = response.headers.get("location");
  const refuse = (state: string) => registryError(action, `${redactUrl(base)} ${state}`);
  if (text === null) throw refuse(`answers ${response.status} without a Location`);
  if (text.length > MAX_LOCATION) throw refuse("names a Location that is too long");
  // `Headers.get` joins several headers with commas. Refuse them, because it is not clear which
  // address is meant.
  if (/,\s*https?:/i.test(text)) throw refuse("names several Locations");
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw refuse("names a Location that is not an address");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refuse(`leads to a ${url.protocol} address`);
  }
  if (base.protocol === "https:" && url.protocol === "http:") {
    throw refuse("leads from https to http");
  }
  if (url.username !== "" || url.password !== "") throw refuse("leads to an address with a user");
  url.hash = "";
  return url;
}
