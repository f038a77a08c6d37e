// What a SOCKS5 client says before its bytes count (RFC 1928): a greeting, then a request. Pure: bytes in, what they mean out.
// Called by socks5.ts with everything received so far, each time more arrives; both messages are bounded by their own length fields.
// Only CONNECT without authentication is spoken, as the entry is reachable from inside the pod alone.
import { type Authority, ipFromBytes, parseAuthority } from '@ambient-mesh/model/address';

/** The message is not all there yet, or takes this many bytes, or is refused with this answer, after which the connection is over. */
export type Reading<T> = 'more' | (T & { readonly used: number }) | { readonly refuse: Buffer; readonly why: string };

/** Reply codes, RFC 1928 §6. */
export const replies = { succeeded: 0, notAllowed: 2, hostUnreachable: 4, notSupported: 7 } as const;

const version = 5;
const noAuthentication = 0;
const connect = 1;
const addressTypes = { v4: 1, name: 3, v6: 4 } as const;

/** Accepts "no authentication": the only method offered here. */
export const welcome = Buffer.of(version, noAuthentication);

/** An answer to a request. The address that we send from is not told: it would mean nothing to the client. */
export const replyWith = (code: number): Buffer => Buffer.of(version, code, 0, addressTypes.v4, 0, 0, 0, 0, 0, 0);

export function readGreeting(bytes: Buffer): Reading<object> {
  const [given, count] = bytes;
  if (given === undefined) return 'more';
  if (given !== version) return violation(`version ${given} is not SOCKS5`);
  if (count === undefined) return 'more';
  if (count === 0) return violation('no method of authentication is offered');
  const used = 2 + count;
  if (bytes.length < used) return 'more';
  if (bytes.subarray(2, used).includes(noAuthentication)) return { used };
  return { refuse: Buffer.of(version, 0xff), why: 'the client insists on authentication' };
}

export function readRequest(bytes: Buffer): Reading<{ readonly target: Authority }> {
  const [given, command, , type] = bytes;
  if (given === undefined) return 'more';
  if (given !== version) return violation(`version ${given} is not SOCKS5`);
  if (command === undefined) return 'more';
  if (command !== connect) return violation(`command ${command} is not CONNECT`);
  if (type === undefined) return 'more';
  switch (type) {
    case addressTypes.v4:
      return addressed(bytes, 4, 4, literal);
    case addressTypes.v6:
      return addressed(bytes, 4, 16, literal);
    case addressTypes.name: {
      const length = bytes[4];
      return length === undefined ? 'more' : addressed(bytes, 5, length, named);
    }
    default:
      return violation(`address type ${type} is unknown`);
  }
}

type ReadAddress = (address: Buffer, port: number) => Authority | undefined;

function addressed(bytes: Buffer, start: number, length: number, read: ReadAddress): Reading<{ readonly target: Authority }> {
  const end = start + length;
  if (bytes.length < end + 2) return 'more';
  const target = read(bytes.subarray(start, end), bytes.readUInt16BE(end));
  return target === undefined ? violation('the name to connect to is no hostname') : { target, used: end + 2 };
}

const literal: ReadAddress = (address, port) => {
  const ip = ipFromBytes(address);
  return ip && { ip, port };
};

/** Some clients send an address as its text; that is no name to resolve. */
const named: ReadAddress = (address, port) => {
  const text = address.toString('latin1');
  return parseAuthority(`${text.includes(':') ? `[${text}]` : text}:${port}`);
};

const violation = (why: string): { readonly refuse: Buffer; readonly why: string } => ({ refuse: replyWith(replies.notSupported), why });
