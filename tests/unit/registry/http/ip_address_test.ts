import { assertEquals } from "@std/assert";
import { isInternalAddress } from "../../../../lib/registry/http/ip_address.ts";

Deno.test("isInternalAddress knows the first and the last address of each network, and their neighbours", () => {
  const internal = [
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.0.0.0", "192.0.0.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["198.18.0.0", "198.19.255.255"],
    ["224.0.0.0", "255.255.255.255"],
    ["::", "::ffff:ffff"],
    ["::ffff:0:0", "::ffff:8.8.8.8"],
    ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["ff00::", "ff02::1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1"],
    ["2002:a00:1::", "2002:c0a8:101::1"],
  ].flat();
  const outside = [
    ["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"],
    ["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255"],
    ["172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"],
    ["223.255.255.255", "2001:db8::1", "2606:4700::1111", "fbff::1", "64:ff9b::8.8.8.8"],
    ["2002:808:808::1"],
  ].flat();
  assertEquals(internal.filter((address) => !isInternalAddress(address)), []);
  assertEquals(outside.filter((address) => isInternalAddress(address)), []);
  assertEquals(
    ["", "name.example", "1.2.3", "1.2.3.256"].filter((one) => !isInternalAddress(one)),
    [],
  );
});
